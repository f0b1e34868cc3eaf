"""``python -m race_to_efficiency`` is the same as ``race``."""

import sys

from race_to_efficiency.cli import main

if __name__ == "__main__":
    sys.exit(main())
