//! A complete RPKI on loopback, for trainers and for tests.
