//! What becomes of requests, for programs.

use serde_json::{Value, json};

use crate::program::route::explain::{Effect, Enforcement, Explained, Share, Told, Treatment, Verdict};
use crate::vocabulary::routing::Status;

use super::{Answered, Asked, sender, words};

/// A list with an object for each mesh.
///
/// # Panics
/// Never: what is written is text.
pub fn json(asked: &Asked<'_>, answers: &[Answered]) -> String {
    let callee = &asked.scenario.services[asked.question.service];
    let all = answers.iter().map(|answer| {
        let explanation = &answer.explanation;
        json!({
            "mesh": answer.mesh,
            "to": asked.host,
            "service": callee.full_name(),
            "from": sender(asked),
            "decided_by": match explanation.enforcer {
                Enforcement::ClientProxy => json!("client_proxy"),
                Enforcement::Waypoint => json!("waypoint"),
                Enforcement::Gateway(_) => json!("gateway"),
                Enforcement::Nobody => Value::Null,
            },
            "rules": explanation.rules.iter().map(rule).collect::<Vec<_>>(),
            "otherwise": explanation.otherwise.as_ref().map(effect),
            "backends": explanation.backends.iter().map(backend).collect::<Vec<_>>(),
            "not_possible": words::impossible(&explanation.impossible).0,
            "notes": words::impossible(&explanation.impossible).1,
        })
    });
    String::from_utf8(super::super::manifest::json(&all.collect::<Vec<_>>())).expect("JSON is text")
}

fn rule(rule: &Explained) -> Value {
    let (verdict, conditions) = match &rule.verdict {
        Verdict::Taken(conditions) => ("taken", json!(conditions)),
        Verdict::Refused(refusals) => {
            let all = refusals
                .iter()
                .map(|refusal| json!({"condition": refusal.condition, "found": refusal.found}));
            ("not_taken", all.collect())
        }
        Verdict::NotReached => ("not_reached", Value::Null),
        Verdict::Impossible => ("not_possible", Value::Null),
        Verdict::Void => ("no_difference", Value::Null),
        Verdict::For(ways) => ("conditional", json!(ways)),
    };
    json!({
        "object": rule.object,
        "rule": rule.rule,
        "verdict": verdict,
        "conditions": conditions,
        "effect": rule.effect.as_ref().map(effect),
    })
}

fn effect(effect: &Effect) -> Value {
    let retries = &effect.retries;
    let on = Told {
        value: retries.on.value.iter().copied().map(words::retry_on).collect::<Vec<_>>(),
        written: retries.on.written,
    };
    json!({
        "to": effect.to.iter().map(share).collect::<Vec<_>>(),
        "answer": effect.answer.as_ref().map(|answer| json!({
            "status": answer.status,
            "size": answer.size,
            "why": words::answer(answer),
        })),
        "delay": effect.delay.as_ref().map(|delay| json!({
            "share": delay.ratio.value(),
            "mean_seconds": delay.delay.mean() / 1e9,
        })),
        "abort": effect.abort.as_ref().map(|abort| json!({
            "share": abort.ratio.value(),
            "status": match abort.status {
                Status::Http(status) => json!(status),
                Status::Grpc(_) => json!(words::abort(abort)),
            },
        })),
        "mirrors": effect.mirrors.iter().map(share).collect::<Vec<_>>(),
        "timeout_seconds": effect.timeout.map(crate::units::Span::seconds),
        "attempt_timeout_seconds": effect.attempt_timeout.map(crate::units::Span::seconds),
        "retries": {
            "attempts": told(&retries.attempts, retries.attempts.value),
            "on": told(&on, &on.value),
            "pauses": told(&retries.pauses, words::pauses(&retries.pauses.value)),
            "avoid_previous": told(&retries.avoid_previous, retries.avoid_previous.value),
        },
        "changes": words::changes(&effect.changes),
    })
}

fn told<T>(told: &Told<T>, value: impl serde::Serialize) -> Value {
    json!({"value": value, "from": words::source(told)})
}

fn share(share: &Share) -> Value {
    json!({
        "share": share.ratio,
        "backend": share.backend,
        "versions": share.versions.iter().map(|(name, pods)| json!({"version": name, "pods": pods})).collect::<Vec<_>>(),
        "pods": share.pods,
        "missing": share.missing,
    })
}

fn backend(treatment: &Treatment) -> Value {
    let mut said = serde_json::Map::new();
    for (name, text) in words::policy(&treatment.policy) {
        said.insert(name.to_lowercase().replace([' ', '-'], "_"), json!(text));
    }
    json!({
        "backend": treatment.backend,
        "balancing": told(&treatment.balancing, treatment.balancing.value.name()),
        "per": if treatment.per_connection { "connection" } else { "request" },
        "policy": said,
    })
}
