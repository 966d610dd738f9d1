"""What every kind of object inherits from, which kinds there are, and the options they take."""
