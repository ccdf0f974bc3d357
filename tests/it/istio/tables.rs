//! Words, weights, percentages and statuses: every way to write them.

use sim::input::tree::Located;
use sim::units::Ratio;
use sim::vocabulary::routing::{GrpcStatus, RequestMatch, RetryOn, Setting, Status};

use super::{backends, http, only, ratio};

#[test]
fn words_of_retry_on_stand_for_failures() {
    use RetryOn as R;
    let reset = [R::ConnectFailure, R::RefusedStream, R::Reset];
    let with = |own: R| {
        let mut all = [reset.as_slice(), &[own]].concat();
        all.sort_unstable();
        all
    };
    for (words, expected) in [
        ("5xx", with(R::ServerError)),
        ("gateway-error", with(R::GatewayError)),
        ("reset", reset.to_vec()),
        ("reset-before-request", vec![R::ResetBeforeRequest]),
        ("connect-failure", vec![R::ConnectFailure]),
        ("refused-stream", vec![R::RefusedStream]),
        ("retriable-4xx", vec![R::Conflict]),
        ("cancelled", vec![R::Grpc(GrpcStatus::Cancelled)]),
        ("deadline-exceeded", vec![R::Grpc(GrpcStatus::DeadlineExceeded)]),
        ("internal", vec![R::Grpc(GrpcStatus::Internal)]),
        ("resource-exhausted", vec![R::Grpc(GrpcStatus::ResourceExhausted)]),
        ("unavailable", vec![R::Grpc(GrpcStatus::Unavailable)]),
        ("retriable-status-codes,500,500", vec![R::Status(500)]),
        (" refused-stream , 409 ", vec![R::RefusedStream, R::Status(409)]),
    ] {
        let (draft, said) = http(&format!(
            "{{route: [{{destination: {{host: a}}}}], retries: {{attempts: 1, retryOn: '{words}'}}}}"
        ));
        assert_eq!(said, "", "{words}");
        let Setting::To(retries) = &draft.routes[0].rules[0].value.retries else { panic!("{words}") };
        assert_eq!(retries.on.as_ref(), Some(&expected), "{words}");
    }
    for (words, expected) in [
        ("5xxx", "did you mean `5xx`?"),
        ("CONNECT-FAILURE", "`CONNECT-FAILURE` is no reason for another attempt"),
        ("999", "999 is no status of HTTP"),
        ("retriable-headers", "warning[not-modelled]: a retry on `retriable-headers` never happens"),
    ] {
        let (_, said) = http(&format!(
            "{{route: [{{destination: {{host: a}}}}], retries: {{attempts: 1, retryOn: '{words}'}}}}"
        ));
        assert!(said.contains(expected), "{words}: {said}");
    }
    let (draft, _) = http("{route: [{destination: {host: a}}], retries: {attempts: 4}}");
    let Setting::To(retries) = &draft.routes[0].rules[0].value.retries else { panic!("{draft:?}") };
    assert_eq!((retries.attempts, &retries.on), (4, &None), "the mesh's own conditions");
    for off in ["{attempts: 0, retryOn: 5xx}", "{retryOn: 5xx}", "{}"] {
        let (draft, said) = http(&format!("{{route: [{{destination: {{host: a}}}}], retries: {off}}}"));
        assert_eq!((&draft.routes[0].rules[0].value.retries, said.as_str()), (&Setting::Off, ""), "{off}");
    }
}

#[test]
fn weights_are_kept_and_a_single_destination_needs_none() {
    let weights = |route: &str| {
        let (draft, said) = http(&format!("{{route: [{route}]}}"));
        let weights = backends(&draft.routes[0].rules[0].value).into_iter().map(|(_, weight)| weight);
        (weights.collect::<Vec<_>>(), said)
    };
    let to = |weight: &str| format!("{{destination: {{host: a}}{weight}}}");
    for (written, expected) in [
        (to(""), vec![1.0]),
        (to(", weight: 0"), vec![1.0]),
        (to(", weight: 7"), vec![7.0]),
        (format!("{}, {}", to(", weight: 3"), to("")), vec![3.0, 0.0]),
        (format!("{}, {}", to(", weight: 4000000000"), to(", weight: 1")), vec![4e9, 1.0]),
    ] {
        assert_eq!(weights(&written), (expected, String::new()), "{written}");
    }
    for wrong in ["-1", "1.5", "many", "[1]"] {
        let (_, said) = weights(&to(&format!(", weight: {wrong}")));
        assert!(said.contains("error["), "{wrong}: {said}");
    }
}

#[test]
fn percentages_lie_between_none_and_all() {
    let mirrored = |percentage: &str| {
        let (draft, said) =
            http(&format!("{{route: [{{destination: {{host: a}}}}], mirror: {{host: b}}{percentage}}}"));
        (draft.routes[0].rules[0].value.mirrors.iter().map(|one| one.ratio).collect::<Vec<_>>(), said)
    };
    for (written, expected) in [
        ("", vec![Ratio::ONE]),
        (", mirrorPercentage: {value: 100}", vec![Ratio::ONE]),
        (", mirrorPercentage: {value: 0.1}", vec![ratio(0.001)]),
        (", mirrorPercentage: {value: 0}", vec![]),
        (", mirrorPercentage: {}", vec![]),
        (", mirrorPercent: 50", vec![ratio(0.5)]),
        (", mirror_percent: 50", vec![ratio(0.5)]),
        (", mirrorPercentage: {value: 10}, mirrorPercent: 50", vec![ratio(0.1)]),
    ] {
        assert_eq!(mirrored(written), (expected, String::new()), "{written}");
    }
    for wrong in ["101", "-1", "nan", "10%"] {
        let (_, said) = mirrored(&format!(", mirrorPercentage: {{value: {wrong}}}"));
        assert!(said.contains("write a number from 0 to 100"), "{wrong}: {said}");
    }
    let (draft, said) = http("{route: [{destination: {host: a}}], fault: {abort: {httpStatus: 500}}}");
    assert_eq!(draft.routes[0].rules[0].value.abort.as_ref().map(|abort| abort.ratio), Some(Ratio::ZERO));
    assert!(said.contains("a fault's abort without a percentage hits nobody"), "{said}");
}

#[test]
fn statuses_of_grpc_go_by_name_or_number() {
    for (written, expected) in [
        ("UNAVAILABLE", GrpcStatus::Unavailable),
        ("'14'", GrpcStatus::Unavailable),
        ("14", GrpcStatus::Unavailable),
        ("CANCELLED", GrpcStatus::Cancelled),
        ("'1'", GrpcStatus::Cancelled),
        ("8", GrpcStatus::ResourceExhausted),
        ("NOT_FOUND", GrpcStatus::Unknown),
    ] {
        let (draft, said) = http(&format!(
            "{{route: [{{destination: {{host: a}}}}], fault: {{abort: {{grpcStatus: {written}, percentage: {{value: 1}}}}}}}}"
        ));
        let abort = draft.routes[0].rules[0].value.abort.as_ref().unwrap_or_else(|| panic!("{said}"));
        assert_eq!((abort.status, said.as_str()), (Status::Grpc(expected), ""), "{written}");
    }
    let (_, said) = http(
        "{route: [{destination: {host: a}}], fault: {abort: {grpcStatus: UNAVAILBLE, percentage: {value: 1}}}}",
    );
    assert!(said.contains("did you mean `UNAVAILABLE`?"), "{said}");
}

#[test]
fn an_empty_match_is_for_every_request() {
    let (draft, said) = http("{match: [{}], route: [{destination: {host: a}}]}");
    assert_eq!(only(&draft.routes[0].rules[0].value.matches), &RequestMatch::default(), "{said}");
}

#[test]
fn places_point_into_the_object() {
    let (draft, _) = http("{route: [{destination: {host: a}}]}");
    let route = only(&draft.routes);
    let location = |located: &Located<String>| (located.location.start, located.location.end);
    let (start, end) = location(&route.hosts[0]);
    assert_eq!(end - start, 1);
    assert!(route.rules[0].location.start > end && location(&route.name).0 < start);
}
