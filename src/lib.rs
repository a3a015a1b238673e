//! Understand async by watching it being invented.
