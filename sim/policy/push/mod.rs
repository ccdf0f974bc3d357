//! How a push control plane (istiod) gets configuration to its proxies: a `window` that gathers changes, requests that
//! say what is pushed and why, a `queue` of proxies, and how proxies `connect`. One change is one push of every
//! concerned proxy, or part of one.

pub mod connect;
pub mod queue;
pub mod request;
pub mod window;

#[cfg(test)]
mod tests;
