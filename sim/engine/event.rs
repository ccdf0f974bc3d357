//! Everything that can happen, on one screen.

use crate::mesh::scenario::SourceIdx;
use crate::placement::NodeIdx;
use crate::program::control::{ChangeIdx, HolderIdx, IncidentIdx as PlaneIncidentIdx, SubscriberIdx};
use crate::program::lifecycle::{IncidentIdx, LifeIdx};
use crate::program::{PodIdx, ProxyIdx};

use super::call::CallId;
use super::connection::ConnectionId;
use super::control::CertificateStep;
use super::lifecycle::{NodeStage, PodStage};

/// An event of a run. Small, for every pending one is moved around in the future event list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// An open source sends its next request.
    Arrival(SourceIdx),
    /// A user of a closed source, or a paced connection, sends its next request.
    Send {
        /// The source.
        source: SourceIdx,
        /// User or connection.
        user: u32,
    },
    /// A request from outside reaches the gateway.
    AtGateway(CallId),
    /// The calling proxy has processed the request: it goes to a connection of an endpoint.
    OutboundDone(CallId),
    /// The connection's handshake reaches the accepting side.
    Handshake(ConnectionId),
    /// The connection is ready.
    Connected(ConnectionId),
    /// The connection is given up if it is not ready.
    ConnectTimeout(ConnectionId),
    /// The request reaches the called pod.
    AtServer(CallId),
    /// The request reaches the application.
    AtInstance(CallId),
    /// The application has done its own work on the request.
    ServiceDone(CallId),
    /// The next job of a processor-sharing or throttled instance ends, unless something came between.
    SharedDone {
        /// The instance.
        pod: PodIdx,
        /// Outdated if the instance has moved on.
        generation: u32,
    },
    /// A job of a proxy whose workers share a quota ends, unless something came between.
    ProxyDone {
        /// The proxy.
        proxy: ProxyIdx,
        /// Outdated if the proxy has moved on.
        generation: u32,
    },
    /// A sleep of the call's script ends.
    SleepDone(CallId),
    /// The response reaches the calling pod's proxy.
    AtClient(CallId),
    /// The response reaches the caller.
    Returned(CallId),
    /// The caller gives the call up.
    Timeout(CallId),
    /// The calling proxy has made the call wait for long enough.
    Resumed(CallId),
    /// The calling proxy answers that the call took too long.
    Deadline(CallId),
    /// A client proxy looks which ejected endpoints of a backend come back.
    Sweep {
        /// Position of what it knows of the backend.
        view: u32,
    },
    /// A client proxy tries an endpoint of a backend that it has shut off.
    Probe {
        /// Position of what it knows of the backend.
        view: u32,
        /// The endpoint.
        endpoint: u32,
    },
    /// An endpoint of a backend that could not be connected to may be tried again.
    Reconnect {
        /// Position of what is known of the backend.
        view: u32,
        /// The endpoint.
        endpoint: u32,
    },
    /// A client proxy has had no endpoint of a backend ready for too long.
    FailFast {
        /// Position of what it knows of the backend.
        view: u32,
    },
    /// Configuration is changed.
    Change(ChangeIdx),
    /// Control planes and nodes hear of what was written to the API server.
    Heard,
    /// A node may have to write its rules.
    RulesTimer(u32),
    /// A node has written its rules.
    RulesWritten(u32),
    /// Something makes pods come or go.
    Incident(IncidentIdx),
    /// What the pods of a workload have used is looked at.
    Scrape(LifeIdx),
    /// An autoscaler looks.
    Autoscale(LifeIdx),
    /// A pod has come to a stage of its life, unless another pod has taken its place.
    PodStage {
        /// Its place.
        pod: PodIdx,
        /// Tells it from other pods in the place.
        incarnation: u16,
        /// The stage.
        stage: PodStage,
    },
    /// The next services' sidecars are replaced.
    Wave(IncidentIdx),
    /// A node's old proxy has drained.
    NodeProxyGone(NodeIdx),
    /// Kubernetes does something about a node that is lost.
    Node {
        /// The node.
        node: NodeIdx,
        /// What.
        stage: NodeStage,
    },
    /// A control plane looks whether to push what it has gathered.
    PushWindow(u32),
    /// An instance of it has done a job, unless something came between.
    PushCpuDone {
        /// The instance.
        replica: u32,
        /// Outdated if it has moved on.
        generation: u32,
    },
    /// The last byte of a push is on the wire.
    PushSent {
        /// The proxy.
        subscriber: SubscriberIdx,
        /// Outdated if its connection is another one.
        ticket: u32,
    },
    /// A proxy has taken a push over.
    PushApplied {
        /// The proxy.
        subscriber: SubscriberIdx,
        /// It has all changes before this number.
        changes: u32,
    },
    /// An instance of a control plane of streams has made an update.
    UpdateMade {
        /// The instance.
        instance: u32,
        /// Which job, counted as they are begun.
        number: u32,
    },
    /// A proxy has taken an update over.
    UpdateApplied {
        /// The stream.
        stream: u32,
        /// The version of the service that it has.
        version: u32,
    },
    /// Something happens to a certificate, unless its holder has gone meanwhile.
    Certificate {
        /// Whose.
        holder: HolderIdx,
        /// Outdated if the pods for which it speaks have gone.
        incarnation: u16,
        /// What.
        step: CertificateStep,
    },
    /// An instance of a certificate authority has done a job, unless something came between.
    AuthorityDone {
        /// The instance.
        instance: u32,
        /// Outdated if it has moved on.
        generation: u32,
    },
    /// A proxy tries to connect to the control plane, is let in, or its connection is too old, whichever is next.
    Session {
        /// The proxy.
        subscriber: SubscriberIdx,
        /// Outdated if something came between.
        number: u32,
    },
    /// An instance of the control plane takes connections.
    InstanceReady(u32),
    /// Something happens to the control plane's instances.
    PlaneIncident(PlaneIncidentIdx),
    /// It is over.
    PlaneRelief(PlaneIncidentIdx),
    /// What the control plane's instances have used is looked at.
    PlaneScrape,
    /// The control plane's autoscaler looks.
    PlaneAutoscale,
    /// The demand of every node is held against its cores.
    NodeTick,
    /// An interval of the time line ends.
    IntervalEnd,
    /// The measuring window ends, and with it the time line.
    WindowEnd,
    /// The run waits no longer.
    DrainEnd,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_stay_small() {
        assert!(size_of::<Event>() <= 12, "{}", size_of::<Event>());
    }
}
