//! Stage 3: coroutines that delegate with yield from.
