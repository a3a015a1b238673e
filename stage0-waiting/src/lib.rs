//! Stage 0: a program that waits, in plain std.
