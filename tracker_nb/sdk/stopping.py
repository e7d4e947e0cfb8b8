"""Stopping the program that runs a run, when somebody asked for it: as Ctrl+C would.

The request is seen by the background thread of the process that opened the run. The main thread gets a
KeyboardInterrupt, so `finally`, context managers and exit handlers run, and the run ends as killed. A program that
catches KeyboardInterrupt and goes on is not stopped; its run still ends as killed.
"""

from __future__ import annotations

import _thread
import contextlib
import signal
import threading
from collections.abc import Callable

from tracker_nb import portable

GRACE = 1.0
"""In a notebook the interrupted cell may leave its run open: then the run is ended for it after so many seconds."""


def stop(end: Callable[[], None], *, notebook: bool) -> None:
    """Interrupt the main thread.

    Args:
        end: ends the run if it is still open; called in a notebook, whose process goes on.
        notebook: the kernel must survive: where no cell runs, nothing is interrupted.
    """
    _interrupt(gently=notebook)
    if notebook:
        timer = threading.Timer(GRACE, end)
        timer.daemon = True
        timer.start()


def _interrupt(*, gently: bool) -> None:
    main = threading.main_thread()
    handler = signal.getsignal(signal.SIGINT)
    if callable(handler) and main.ident is not None:
        # Unlike interrupt_main(), a signal also wakes a main thread that sleeps or waits for a socket.
        if portable.WINDOWS:
            _thread.interrupt_main()
        else:
            signal.pthread_kill(main.ident, signal.SIGINT)
    elif not gently and main.ident is not None:
        # Ignored (the shell does that to jobs in the background) or deadly: raise the exception without the signal.
        # ipykernel ignores the signal while no cell runs; the exception would then end the kernel.
        import ctypes

        with contextlib.suppress(AttributeError):  # no CPython
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(main.ident), ctypes.py_object(KeyboardInterrupt))
