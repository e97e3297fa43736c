//! Route origin validation (RFC 6811): the index and the verdict. Pure.
