//! How a reconcile goes: what it costs, what it passes over, what becomes of one that is interrupted.
