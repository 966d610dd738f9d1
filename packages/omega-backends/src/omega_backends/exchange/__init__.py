"""Files that users bring and take away: numpy's and pandas' formats."""
