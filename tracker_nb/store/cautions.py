"""What a run should say when it begins: its store works, and may not for long."""

from __future__ import annotations

import os

from tracker_nb import portable
from tracker_nb.store.findings import readable
from tracker_nb.store.place import Place

LITTLE_SPACE = 256 << 20


def cautions(place: Place) -> list[str]:
    """One sentence or two each: what it is, and what to type. Costs a tenth of a millisecond."""
    found = []
    if portable.on_network(place.root):
        found.append(
            f"the store lies on a network file system ({portable.file_system(place.root)}), where SQLite is slow and "
            f"several machines can damage it. To a local disk: tracker-nb store move DEST"
        )
    space = portable.free_space(place.root)
    if space is not None and space[0] < LITTLE_SPACE:
        found.append(
            f"only {readable(space[0])} are free where the store is. When the disk is full, rows wait in memory, within a "
            f"limit. How large your stores are: tracker-nb store list"
        )
    return found


def why_not_writable(place: Place) -> str:
    """Why this user cannot write a store, or look into it, for a message; "" where no more than that is known."""
    nearest = next(one for one in (place.root, *place.root.parents) if os.path.exists(one))
    user, owner = portable.user(), portable.owner(nearest)
    if hasattr(os, "statvfs") and os.statvfs(nearest).f_flag & getattr(os, "ST_RDONLY", 0):
        return "its file system is mounted read-only"
    if owner is not None and user not in (None, owner[0]):
        return f"it belongs to {owner[1]}"
    return ""
