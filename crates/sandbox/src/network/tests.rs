//! Tests of the plain rules: what operators write, what the packet filter is told, which devices lead out.

use std::net::Ipv4Addr;

use super::host::Slot;
use super::ruleset;
use super::uplinks::uplinks;
use super::*;

fn network(address: [u8; 4], prefix_length: u8, port: Option<u16>) -> Destination {
    Destination { host: DestinationHost::Network { address: Ipv4Addr::from(address), prefix_length }, port }
}

#[test]
fn destinations_are_written_as_addresses_networks_and_host() {
    let check = |text: &str, expected| assert_eq!(text.parse::<Destination>(), Ok(expected), "{text}");
    check("10.0.0.5", network([10, 0, 0, 5], 32, None));
    check("10.0.0.5:5432", network([10, 0, 0, 5], 32, Some(5432)));
    check("10.1.2.3/8", network([10, 0, 0, 0], 8, None));
    check("0.0.0.0/0", network([0, 0, 0, 0], 0, None));
    check("host", Destination { host: DestinationHost::ThisHost, port: None });
    check("host:5432", Destination { host: DestinationHost::ThisHost, port: Some(5432) });
    for wrong in
        ["", "host/8", "10.0.0", "10.0.0.1/33", "10.0.0.1:0", "10.0.0.1:65536", "::1", "a.example:80"]
    {
        assert!(wrong.parse::<Destination>().is_err(), "{wrong}");
    }
}

#[test]
fn a_policy_knows_whether_it_leads_anywhere() {
    assert!(!NetworkPolicy::of(NetworkLevel::None).reaches_out());
    assert!(NetworkPolicy::of(NetworkLevel::Internet).reaches_out());
    assert!(!NetworkPolicy::of(NetworkLevel::Internet).reaches_this_host());
    assert!(NetworkPolicy::of(NetworkLevel::Open).reaches_this_host());
    let listed = NetworkPolicy { level: NetworkLevel::None, allow: vec!["host:1".parse().unwrap()] };
    assert!(listed.reaches_out() && listed.reaches_this_host() && !listed.has_names());
}

#[test]
fn names_fit_into_the_kernels_and_addresses_into_the_slot() {
    let last = Slot(15);
    assert!(last.device(999, Slot::SANDBOXES - 1).len() <= 15, "{}", last.device(999, Slot::SANDBOXES - 1));
    assert_eq!(Slot(0).gateway(), Ipv4Addr::new(198, 18, 0, 1));
    assert_eq!(Slot(0).address(0), Ipv4Addr::new(198, 18, 0, 2));
    assert_eq!(Slot(0).address(Slot::SANDBOXES - 1), Ipv4Addr::new(198, 18, 31, 254));
    assert_eq!(Slot(1).network(), Ipv4Addr::new(198, 18, 32, 0));
    assert_eq!(last.address(Slot::SANDBOXES - 1), Ipv4Addr::new(198, 19, 255, 254));
}

#[test]
fn a_table_has_a_way_out_for_each_policy() {
    let policies = [
        NetworkPolicy::of(NetworkLevel::Internet),
        NetworkPolicy {
            level: NetworkLevel::None,
            allow: vec!["10.0.0.5:5432".parse().unwrap(), "host:80".parse().unwrap()],
        },
    ];
    let text = ruleset::table(Slot(3), "a-b", &policies);
    for expected in [
        "create table inet lambent_3\n",
        "chain of_a_b { }",
        "iifname \"lmb3.0.*\" goto out_0",
        "iifname \"lmb3.1.*\" goto to_host_1",
        "ip daddr 10.0.0.5/32 meta l4proto { tcp, udp } th dport 5432 accept",
        "iifname \"lmb3.1.*\" ip daddr 198.18.96.1 meta l4proto { tcp, udp } th dport 80 dnat ip to 127.0.0.1",
    ] {
        assert!(text.contains(expected), "{expected} in\n{text}");
    }
    assert!(!text.contains("lmb3.0.*\" ip daddr 198.18.96.1"), "no way to the host by the first policy");
}

#[test]
fn the_routes_say_which_devices_lead_out() {
    // 192.168.1.0/24 on eth0 with a default route, 10.8.0.0/16 on tun0, and a pair of ours.
    let routes = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n\
                  eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
                  eth0\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n\
                  tun0\t0000080A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n\
                  lmb0.0.1\t020012C6\t00000000\t0005\t0\t0\t0\tFFFFFFFF\t0\t0\t0\n";
    let of = |level, allow: &[&str]| {
        let allow = allow.iter().map(|text| text.parse().unwrap()).collect();
        uplinks(routes, &[NetworkPolicy { level, allow }]).into_iter().collect::<Vec<_>>()
    };
    assert_eq!(of(NetworkLevel::None, &[]), Vec::<String>::new());
    assert_eq!(of(NetworkLevel::Internet, &[]), ["eth0"]);
    assert_eq!(of(NetworkLevel::Open, &[]), ["eth0", "tun0"]);
    assert_eq!(of(NetworkLevel::None, &["10.8.0.1"]), ["tun0"]);
    assert_eq!(of(NetworkLevel::None, &["10.9.0.1", "host"]), ["eth0"]);
}

#[test]
fn what_a_namespace_refuses_itself_follows_the_policy() {
    let gateway = Ipv4Addr::new(198, 18, 0, 1);
    let own = [Ipv4Addr::new(203, 0, 113, 2)];
    let of = |level, allow: &[&str]| {
        let allow = allow.iter().map(|text| text.parse().unwrap()).collect();
        refusals::rules(&NetworkPolicy { level, allow }, gateway, &own)
    };
    let rule = |address: [u8; 4], bits, port, allows| refusals::Rule {
        network: (address.into(), bits),
        port,
        allows,
    };
    assert_eq!(of(NetworkLevel::Open, &[]), []);
    let none = of(NetworkLevel::None, &["host:5432", "10.0.0.0/8"]);
    assert_eq!(
        none,
        [
            rule([198, 18, 0, 1], 32, Some(5432), true),
            rule([10, 0, 0, 0], 8, None, true),
            rule([0, 0, 0, 0], 0, None, false)
        ]
    );
    let internet = of(NetworkLevel::Internet, &[]);
    assert!(internet.contains(&rule([169, 254, 0, 0], 16, None, false)));
    assert!(internet.contains(&rule([203, 0, 113, 2], 32, None, false)), "the machine itself");
    assert!(internet.iter().all(|rule| !rule.allows));
}
