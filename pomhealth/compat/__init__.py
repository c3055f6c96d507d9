"""What each release of Pomerium reads of its configuration: names, kinds of values, what was removed. Pure, but for one read.

`options.json` is the data; a new release is a change of that file alone.
"""
