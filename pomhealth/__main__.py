"""`python -m pomhealth` is `pomhealth`."""

import sys

from pomhealth.entry import main

sys.exit(main())
