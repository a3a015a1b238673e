//! Readiness, and nothing else: the one reactor every stage stands on.
