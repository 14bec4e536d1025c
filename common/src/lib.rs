//! The contract between the processes of Scaleout: ids, statuses, protocol decisions, wire messages, settings. Pure.
