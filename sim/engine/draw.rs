//! What random numbers are drawn for. The numbers are part of every result: never reuse or renumber one.

use crate::kernel::rng::Purpose;

/// The address of a leg or pass on a hop: on the way to a waypoint apart from what is met without one.
#[inline]
pub(super) const fn of_hop(number: u32, hop: u32) -> u32 {
    number + 16 * hop
}

/// When a source sends (stream).
pub(super) const ARRIVAL: Purpose = Purpose(1);
/// A closed user's think time; a paced tick's jitter.
pub(super) const THINK: Purpose = Purpose(2);
/// Service time of a visit.
pub(super) const SERVICE_TIME: Purpose = Purpose(3);
/// CPU time of a visit, where it has a law of its own.
pub(super) const CPU_TIME: Purpose = Purpose(4);
/// Whether a visit fails of itself.
pub(super) const ERROR: Purpose = Purpose(5);
/// Whether a call is made.
pub(super) const PROBABILITY: Purpose = Purpose(6);
/// Bytes of a request.
pub(super) const REQUEST_SIZE: Purpose = Purpose(7);
/// Bytes of a response.
pub(super) const RESPONSE_SIZE: Purpose = Purpose(8);
/// Length of a sleep.
pub(super) const SLEEP: Purpose = Purpose(9);
/// Value of a header.
pub(super) const HEADER: Purpose = Purpose(10);
/// Choice of an endpoint.
pub(super) const BALANCE: Purpose = Purpose(11);
/// Which client or gateway pod a request comes through.
pub(super) const CLIENT_POD: Purpose = Purpose(12);
/// Worker thread that gets the application's connection.
pub(super) const CLIENT_WORKER: Purpose = Purpose(13);
/// Worker thread of the accepting proxy that gets a connection.
pub(super) const SERVER_WORKER: Purpose = Purpose(14);
/// Delay of a leg of the network; the leg is the repetition.
pub(super) const NETWORK: Purpose = Purpose(15);
/// CPU of a proxy's job; the pass is the repetition.
pub(super) const PROXY_JOB: Purpose = Purpose(16);
/// Nothing random: the address of a visit in the fingerprint of a run's demand.
pub(super) const FINGERPRINT: Purpose = Purpose(17);
/// Which of several weighted backends a request goes to.
pub(super) const BACKEND: Purpose = Purpose(18);
/// Whether a request is delayed (repetition 0), for how long (1), and whether it is failed (2), on purpose.
pub(super) const FAULT: Purpose = Purpose(19);
/// Pause before a retry.
pub(super) const BACKOFF: Purpose = Purpose(20);
/// Whether a request is copied; the mirror is the repetition.
pub(super) const MIRROR: Purpose = Purpose(21);
/// By how much longer an endpoint that fails stays shut off.
pub(super) const PENALTY: Purpose = Purpose(22);
/// Delay of a message of the control plane; the message is the repetition.
pub(super) const CONFIGURATION: Purpose = Purpose(40);
/// Delay from the API server to who watches there; the message is the repetition.
pub(super) const WATCH: Purpose = Purpose(41);
/// How long a node takes to write its rules.
pub(super) const RULES: Purpose = Purpose(42);
/// Stages of a pod's start; the pod's number in its place is the repetition.
pub(super) const POD_START: Purpose = Purpose(43);
/// Which pods are killed, and in which order pods go that nothing else tells apart.
pub(super) const POD_CHOICE: Purpose = Purpose(44);
/// What happens to a certificate; the occasion is the repetition.
pub(super) const CERTIFICATE: Purpose = Purpose(45);
/// Whether a message is lost that is sent into a bad network, one draw each time it is sent; the leg is the repetition.
pub(super) const LOSS: Purpose = Purpose(60);
/// What such a network adds to the delay of a message; the leg is the repetition, what adds it the attempt.
pub(super) const ADDED_DELAY: Purpose = Purpose(61);

/// A proxy's connection to the control plane: to which instance (path 0), how old it gets (1), how long it waits (2).
pub(super) const SESSION: Purpose = Purpose(60);
/// Which instances of the control plane are killed (path 0), and when its autoscaler looks (1).
pub(super) const INSTANCE_CHOICE: Purpose = Purpose(61);

/// A step of a path: one more attempt of a proxy, of an application, and a copy.
pub(super) const PROXY_ATTEMPT: u64 = 0x70_726f_7879;
pub(super) const APPLICATION_ATTEMPT: u64 = 0x0061_6761_696e;
pub(super) const COPY: u64 = 0x6d69_7272_6f72;
