"""What processes use of memory and of processors, as the kernel counts it (proc(5))."""

import os


class Usage:
    """Of these processes together, at this moment."""

    def __init__(self, *pids):
        self.resident = sum(map(resident, pids))
        self.seconds = sum(map(processor_seconds, pids))

    def compared(self, peak, after, conversations, chunks):
        """In words: this usage beside that at the peak and that after, for each conversation and chunk."""
        growth = (peak.resident - self.resident) / conversations
        seconds = after.seconds - self.seconds
        return (f"resident {mebibytes(self)} before, {mebibytes(peak)} at the peak, {mebibytes(after)} after; "
                f"{growth / 1024:.1f} KiB a conversation; {seconds:.1f} s of CPU, {seconds / chunks * 1e6:.0f} us a chunk")


def mebibytes(usage):
    return f"{usage.resident / 2 ** 20:.0f} MiB"


def resident(pid):
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def processor_seconds(pid):
    """User and system time."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
