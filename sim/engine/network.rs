//! A network that is worse than usual for a while: legs that take longer, messages that are lost and sent again.
//!
//! A message is taken for one segment of TCP: when it is lost, nothing that follows it tells, so it is sent again after
//! the retransmission timeout, and after twice as long each time. Whether it is lost is drawn at each sending by the
//! odds of that moment, so that what is sent into a partition comes through once that is over. Other messages on the
//! same connection do not wait for it (no head-of-line blocking), and an answer does not wait for the acknowledgement.

use crate::kernel::Uniform;
use crate::kernel::rng::Key;
use crate::program::{PodIdx, Program};
use crate::units::{SimTime, Span};

use super::draw;

/// Linux's least retransmission timeout (`TCP_RTO_MIN`, include/net/tcp.h); round trips in a cluster add little to it.
const RETRANSMISSION: Span = Span::from_millis(200);
/// That of a connection that is not open yet (`TCP_TIMEOUT_INIT`, RFC 6298).
const FIRST_RETRANSMISSION: Span = Span::from_seconds(1);
/// The longest (`TCP_RTO_MAX`).
const LONGEST_RETRANSMISSION: Span = Span::from_seconds(120);

/// A message: between whom, and where its draws are addressed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message {
    /// `None` is from the control plane, which stands anywhere in the cluster.
    pub(super) ends: Option<[PodIdx; 2]>,
    pub(super) key: Key,
    pub(super) path: u64,
    pub(super) number: u32,
    /// It opens a connection.
    pub(super) opens: bool,
}

impl Message {
    /// What the network adds to the way of the message that is sent at a time; nothing where it is as usual.
    #[inline]
    pub(super) fn suffers(&self, program: &Program, sent: SimTime) -> Span {
        if program.disturbances.is_empty() { Span::ZERO } else { self.suffers_from(program, sent) }
    }

    fn suffers_from(&self, program: &Program, sent: SimTime) -> Span {
        let mut losses = self.key.draws(draw::LOSS, self.path, self.number, 0);
        let mut again = if self.opens { FIRST_RETRANSMISSION } else { RETRANSMISSION };
        let mut now = sent;
        // Nobody waits for what comes after the end of the run.
        while now < program.drain_limit {
            let arrives: f64 =
                program.disturbed(now, self.ends).map(|(_, network)| 1.0 - network.loss).product();
            if arrives >= 1.0 || losses.unit() < arrives {
                break;
            }
            now += again;
            again = (again + again).min(LONGEST_RETRANSMISSION);
        }
        let longer = |(position, network): (usize, &crate::program::disturbance::Network)| {
            let mut draws = self.key.draws(draw::ADDED_DELAY, self.path, self.number, position as u16);
            Span::from_nanos_f64(network.delay.sample(&mut draws))
        };
        now.since(sent) + program.disturbed(now, self.ends).map(longer).sum::<Span>()
    }
}
