//! The JSON of `;json` and of `show stat json`: an array of objects, each an array of typed fields.

use serde_json::json;

use crate::{Field, Filter, ObjectKind, Report, Row, Value};

/// The whole report. Fields that do not apply are left out, as HAProxy does.
pub fn render(report: &Report, filter: &Filter) -> String {
    let objects: Vec<serde_json::Value> = report
        .proxies
        .iter()
        .filter(|proxy| filter.proxy(&proxy.name))
        .flat_map(|proxy| proxy.rows().filter(|row| filter.row(row)))
        .map(object)
        .collect();
    serde_json::Value::Array(objects).to_string()
}

fn object(row: &Row) -> serde_json::Value {
    Field::ALL.iter().filter_map(|field| row.value(*field).map(|value| element(row, *field, value))).collect()
}

fn element(row: &Row, field: Field, value: &Value) -> serde_json::Value {
    let (kind, value) = match value {
        Value::U64(number) => (field.kind().as_str(), json!(number)),
        Value::I64(number) => (field.kind().as_str(), json!(number)),
        Value::Str(text) => ("str", json!(text)),
    };
    json!({
        "objType": object_type(row.kind()),
        "proxyId": row.u64(Field::Iid).unwrap_or(0),
        "id": row.u64(Field::Sid).unwrap_or(0),
        "field": { "pos": field as usize, "name": field.name() },
        "processNum": 1,
        "tags": {
            "origin": field.origin(),
            "nature": field.nature(),
            "scope": field.scope(),
        },
        "value": { "type": kind, "value": value },
    })
}

fn object_type(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Frontend => "Frontend",
        ObjectKind::Backend => "Backend",
        ObjectKind::Server => "Server",
        ObjectKind::Listener => "Listener",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ProxyReport;

    #[test]
    fn each_field_says_what_it_is() {
        let mut row = Row::frontend("web \"x\"", 2);
        row.set(Field::Scur, 7_u32).set(Field::Lastsess, -1_i64);
        let proxy = ProxyReport { name: "web \"x\"".into(), frontend: Some(row), ..ProxyReport::default() };
        let text = render(&Report { proxies: vec![proxy], ..Report::default() }, &Filter::default());

        let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
        let fields = parsed[0].as_array().unwrap();
        let by_name = |name: &str| fields.iter().find(|field| field["field"]["name"] == name).unwrap();
        assert_eq!(by_name("pxname")["value"], json!({ "type": "str", "value": "web \"x\"" }));
        assert_eq!(by_name("lastsess")["value"], json!({ "type": "s32", "value": -1 }));
        assert_eq!(
            *by_name("scur"),
            json!({
                "objType": "Frontend", "proxyId": 2, "id": 0, "field": { "pos": 4, "name": "scur" }, "processNum": 1,
                "tags": { "origin": "Metric", "nature": "Gauge", "scope": "Process" }, "value": { "type": "u32", "value": 7 }
            })
        );
        assert!(fields.iter().all(|field| field["field"]["name"] != "weight"), "unset fields are left out");
    }

    #[test]
    fn an_empty_report_is_an_empty_array() {
        assert_eq!(render(&Report::default(), &Filter::default()), "[]");
    }
}
