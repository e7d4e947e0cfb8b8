"""`python -m tracker_nb`: the command line where the script is not on the path."""

from tracker_nb.cli import main

if __name__ == "__main__":
    main(prog_name="tracker-nb")
