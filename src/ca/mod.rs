//! The signing side: keys, certificates, signed objects. Pure; used by the lab and by tests.
