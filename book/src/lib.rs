//! The book: its directives, its checks, its server.
