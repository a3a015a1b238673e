//! Stage 2: generators driven over Deferreds.
