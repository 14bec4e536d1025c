//! Hostile input by class and channel: what is sent, and the exact answer. After each table the cluster must work as
//! before, with nothing changed that was there, no process ended, and memory within a bound.

mod messages;
mod packages;
mod requests;
mod unharmed;
