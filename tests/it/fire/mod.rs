//! Under fire: what was acknowledged arrives, whatever becomes of processes, of the database, of the disk and of the clock.

mod clock;
mod overload;
mod processes;
mod steps;
mod storage;
