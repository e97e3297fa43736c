//! Objects: bytes in, decoded objects out; syntax and limits only.
