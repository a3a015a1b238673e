//! Stage 1: callbacks and Deferreds.
