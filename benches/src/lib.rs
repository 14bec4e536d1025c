//! Throughput, latency, backlog and recovery beside the peers.
