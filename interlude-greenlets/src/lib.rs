//! Interlude: what if the stack itself could stop?
