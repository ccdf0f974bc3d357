//! What can be chosen: how requests arrive, how endpoints are picked. One file per choice, one row in its table. What a
//! caller's proxy keeps of a backend to survive its failures, and what control planes and Kubernetes decide: state
//! machines that see times and facts only.

pub mod arrival;
pub mod autoscale;
pub mod available;
pub mod backoff;
pub mod balance;
pub mod certificate;
pub mod circuit_breaker;
pub mod crash_loop;
pub mod kube_proxy;
pub mod locality;
pub mod outlier;
pub mod pod_end;
pub mod pod_start;
pub mod push;
pub mod retry;
pub mod rollout;
pub mod stream;
pub mod warm_up;
