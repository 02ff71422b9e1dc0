use super::*;

const LIST: Terms = Terms {
    geo: Geo::Global,
    batch: false,
};
const BATCH: Terms = Terms {
    geo: Geo::Global,
    batch: true,
};

fn day(text: &str) -> NaiveDate {
    text.parse().expect("date")
}

fn today() -> NaiveDate {
    day("2026-11-22")
}

fn usage(input_tokens: u64, output_tokens: u64) -> Usage {
    Usage {
        input_tokens,
        output_tokens,
        ..Usage::default()
    }
}

fn haiku(usage: Usage, terms: Terms) -> Option<u64> {
    PriceTable::default().cost("claude-haiku-5-5", today(), &usage, terms)
}

#[test]
fn one_greeting_costs_what_the_price_list_says() {
    assert_eq!(haiku(usage(412, 64), LIST), Some(73_200_000));
    assert_eq!(haiku(usage(412, 64), BATCH), Some(36_600_000));
    assert_eq!(haiku(usage(0, 0), LIST), Some(0));
}

#[test]
fn a_long_prompt_moves_every_token_to_the_higher_rates() {
    assert_eq!(haiku(usage(100_000, 1), LIST), Some(10_000_500_000));
    assert_eq!(haiku(usage(100_001, 1), LIST), Some(50_003_000_000));
    let mut cached = usage(1, 0);
    cached.cache_read_tokens = 100_000;
    assert_eq!(haiku(cached, LIST), Some(500_000 + 5_000_000_000));
}

#[test]
fn regions_and_batches_are_exact_for_every_built_in_price() {
    let table = PriceTable::default();
    for (model, price) in table.all() {
        let all = Usage {
            input_tokens: 3,
            output_tokens: 5,
            cache_write_5m_tokens: 7,
            cache_write_1h_tokens: 11,
            cache_read_tokens: 13,
        };
        let cost = |geo, batch| {
            let cost = table.cost(model, today(), &all, Terms { geo, batch });
            cost.expect("priced")
        };
        let list = cost(Geo::Global, false);
        assert_eq!(cost(Geo::Us, false) * 10, list * 11, "{model}");
        assert_eq!(cost(Geo::Global, true) * 2, list, "{model}");
        assert_eq!(cost(Geo::Us, true) * 20, list * 11, "{model}");
        assert_eq!(price.rates.input % 40, 0, "{model}: cache writes are whole");
    }
}

#[test]
fn a_price_is_valid_from_its_day_on() {
    let table = PriceTable::default();
    let read = Usage {
        cache_read_tokens: 1,
        ..Usage::default()
    };
    let cost = |on| table.cost("claude-sonnet-5-5", day(on), &read, LIST);
    assert_eq!(cost("2026-10-06"), Some(200_000));
    assert_eq!(cost("2026-10-07"), Some(100_000));

    let price = |input| ModelPrice::flat(Rates::usual(input, 1, 1));
    let table = PriceTable::empty("2026-11-22")
        .with_from("m", day("2027-01-01"), price(30))
        .with_from("m", day("2026-12-01"), price(20));
    let input = |on| table.get("m", day(on)).map(|price| price.rates.input);
    assert_eq!(input("2026-11-30"), None, "no price yet is no price");
    assert_eq!(input("2026-12-31"), Some(20));
    assert_eq!(input("2027-01-01"), Some(30));
    // Replaced on its day; all replaced.
    let again = table.clone().with_from("m", day("2026-12-01"), price(25));
    let found = again.get("m", day("2026-12-02"));
    assert_eq!(found.map(|price| price.rates.input), Some(25));
    let all = again.with("m", price(1));
    let found = all.get("m", day("2027-06-01"));
    assert_eq!(found.map(|price| price.rates.input), Some(1));
}

#[test]
fn a_table_is_data_in_any_order() {
    let rates = |input: u64| {
        format!(
            r#"{{"input":{input},"output":1,"cache_write_5m":1,"cache_write_1h":1,"cache_read":1}}"#
        )
    };
    let json = format!(
        r#"{{"as_of":"2026-11-22","models":{{"m":[
            {{"valid_from":"2027-01-01","rates":{}}},{{"rates":{}}}]}}}}"#,
        rates(9),
        rates(5)
    );
    let table: PriceTable = serde_json::from_str(&json).expect("table");
    let input = |on| table.get("m", day(on)).map(|price| price.rates.input);
    assert_eq!(input("2026-01-01"), Some(5));
    assert_eq!(input("2027-02-01"), Some(9));
    let table = PriceTable::default();
    let json = serde_json::to_string(&table).expect("JSON");
    let back: PriceTable = serde_json::from_str(&json).expect("table");
    assert_eq!(back, table);
}

#[test]
fn nothing_is_free_by_mistake() {
    let table = PriceTable::default();
    let absurd = usage(u64::MAX, u64::MAX);
    for (model, usage) in [
        ("claude-haiku-9", usage(1, 1)),
        ("claude-mythos-5-2", usage(1, 1)),
        ("claude-opus-5", absurd),
    ] {
        assert_eq!(table.cost(model, today(), &usage, LIST), None, "{model}");
    }
    assert_eq!(
        PriceTable::empty("2026-01-01").get("claude-haiku-5-5", today()),
        None
    );
}

fn call(model: &str, input_tokens: u64, max_tokens: u32) -> Call<'_> {
    Call {
        model,
        on: today(),
        terms: LIST,
        cache_ttl: CacheTtl::OneHour,
        input_tokens,
        max_tokens,
    }
}

#[test]
fn the_bound_is_the_dearest_way_to_bill_so_many_tokens() {
    let table = PriceTable::default();
    let one = call("claude-haiku-5-5", 412, 64);
    // Everything written to the cache for an hour.
    let wanted = 412 * 200_000 + 64 * 500_000;
    assert_eq!(table.worst_cost(&one), Some(wanted));
    let short = Call {
        cache_ttl: CacheTtl::FiveMinutes,
        ..one
    };
    assert_eq!(table.worst_cost(&short), Some(412 * 125_000 + 64 * 500_000));
    let batch = Call {
        terms: BATCH,
        ..one
    };
    assert_eq!(table.worst_cost(&batch), Some(wanted / 2));
    let long = call("claude-haiku-5-5", 100_001, 1);
    assert_eq!(
        table.worst_cost(&long),
        Some(100_001 * 1_000_000 + 2_500_000)
    );
    assert_eq!(table.worst_cost(&call("claude-stranger", 1, 1)), None);
}

#[test]
fn no_bill_within_the_tokens_is_above_the_bound() {
    let table = PriceTable::default();
    let mut seed = 7_u64;
    let mut next = |below: u64| {
        // A linear congruence is random enough to cover the corners.
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % below
    };
    for _ in 0..2_000 {
        let parts = [next(80_000), next(80_000), next(80_000)];
        let input = parts.iter().sum::<u64>() + next(3) * 1_000;
        let max = u32::try_from(next(9_000)).expect("small");
        let used = Usage {
            input_tokens: parts[0],
            cache_write_1h_tokens: parts[1],
            cache_read_tokens: parts[2],
            output_tokens: next(u64::from(max) + 1),
            ..Usage::default()
        };
        for (model, _) in table.all() {
            let worst = table.worst_cost(&call(model, input, max)).expect("priced");
            let cost = table.cost(model, today(), &used, LIST).expect("priced");
            assert!(cost <= worst, "{model}: {used:?}");
        }
    }
}

#[test]
fn a_rise_of_the_price_overnight_is_in_the_bound() {
    let price = |input| ModelPrice::flat(Rates::usual(input, 10, 1));
    let table = PriceTable::default()
        .with("m", price(100))
        .with_from("m", day("2026-11-23"), price(400))
        .with_from("m", day("2026-12-23"), price(4_000));
    assert_eq!(table.worst_cost(&call("m", 1, 0)), Some(800));
}
