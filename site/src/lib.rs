//! What gets crawled, and everything about crawling that has no style.
