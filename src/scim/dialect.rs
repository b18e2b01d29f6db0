//! Deviations of identity providers, normalised before the strict core.
