//! Copies of requests: they load both proxies and the pods like any request, and nobody waits for them.

use crate::kernel::Uniform;
use crate::kernel::rng::extend_path;
use crate::program::route::Mirror;

use super::call::{Call, CallId, Progress, Waiter};
use super::pass::Pass;
use super::{Engine, draw};

impl Engine<'_> {
    /// The calling proxy sends copies of a request to those mirrors that draw one.
    pub(super) fn copy(&mut self, id: CallId, mirrors: &[Mirror]) {
        let now = self.schedule.now();
        for (number, mirror) in (0..).zip(mirrors) {
            let original = &self.calls[id];
            if !original.key.draws(draw::MIRROR, original.path, number, 0).chance(mirror.ratio) {
                continue;
            }
            let site = (original.site, &self.program.sites[original.site]);
            let path = extend_path(original.path, draw::COPY + u64::from(number));
            let (waiter, caller) = (Waiter::Nobody, original.caller);
            let mut call = Call::new(waiter, original.source, site, original.key, path, caller, now);
            call.place = original.place;
            call.measured = original.measured;
            call.at_waypoint = original.at_waypoint;
            call.payload = original.payload;
            call.worker = original.worker;
            call.mirrored = true;
            call.progress = Progress::Outbound;
            (call.edge, call.operation) = (mirror.backend.edge, mirror.backend.operation);
            let copy = self.calls.insert(call);
            self.recorder.calls_made += 1;
            let outbound = self.outbound(copy);
            if let Some((_, proxy)) = outbound {
                self.proxies.request_began(proxy, now);
            }
            match outbound {
                Some((cost, proxy)) if !self.edge(copy).1.pool.per_connection => {
                    self.pass(copy, proxy, cost, Pass::OutboundRequest);
                }
                _ => self.connect(copy),
            }
        }
    }
}
