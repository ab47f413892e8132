//! HAProxy's CSV: `;csv` of the statistics page and `show stat` of the runtime socket.

use std::fmt::Write;

use crate::{Field, Filter, Report, Row, Value};

/// The whole report. The first line is the header, with `# ` before it and a comma after its last column, as
/// consumers expect. A field that does not apply is empty.
pub fn render(report: &Report, filter: &Filter) -> String {
    let mut out = String::with_capacity(4096);
    header(&mut out);
    for proxy in report.proxies.iter().filter(|proxy| filter.proxy(&proxy.name)) {
        for row in proxy.rows().filter(|row| filter.row(row)) {
            line(&mut out, row);
        }
    }
    out
}

fn header(out: &mut String) {
    out.push_str("# ");
    for field in Field::ALL {
        out.push_str(field.name());
        out.push(',');
    }
    // The column named "-" separates the static columns from those of modules, of which there are none.
    out.push_str("-,\n");
}

fn line(out: &mut String, row: &Row) {
    for field in Field::ALL {
        match row.value(*field) {
            None => {}
            Some(Value::U64(number)) => {
                let _ = write!(out, "{number}");
            }
            Some(Value::I64(number)) => {
                let _ = write!(out, "{number}");
            }
            Some(Value::Str(text)) => quoted(out, text),
        }
        out.push(',');
    }
    out.push_str("-,\n");
}

/// Text as it is, or in double quotes where it holds a character that would end the field (RFC 4180 §2).
fn quoted(out: &mut String, text: &str) {
    if !text.contains([',', '"', '\n', '\r']) {
        out.push_str(text);
        return;
    }
    out.push('"');
    out.push_str(&text.replace('"', "\"\""));
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ProxyReport, ServerReport};

    const HEADER_3_2: &str = "# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,wredis,status,weight,act,bck,chkfail,chkdown,lastchg,downtime,qlimit,pid,iid,sid,throttle,lbtot,tracked,type,rate,rate_lim,rate_max,check_status,check_code,check_duration,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other,hanafail,req_rate,req_rate_max,req_tot,cli_abrt,srv_abrt,comp_in,comp_out,comp_byp,comp_rsp,lastsess,last_chk,last_agt,qtime,ctime,rtime,ttime,agent_status,agent_code,agent_duration,check_desc,agent_desc,check_rise,check_fall,check_health,agent_rise,agent_fall,agent_health,addr,cookie,mode,algo,conn_rate,conn_rate_max,conn_tot,intercepted,dcon,dses,wrew,connect,reuse,cache_lookups,cache_hits,srv_icur,src_ilim,qtime_max,ctime_max,rtime_max,ttime_max,eint,idle_conn_cur,safe_conn_cur,used_conn_cur,need_conn_est,uweight,agg_server_status,agg_server_check_status,agg_check_status,srid,sess_other,h1sess,h2sess,h3sess,req_other,h1req,h2req,h3req,proto,-,";

    fn report(row: Row) -> Report {
        let server = ServerReport { row, checks: Vec::new() };
        let proxy = ProxyReport { name: "b".into(), servers: vec![server], ..ProxyReport::default() };
        Report { proxies: vec![proxy], ..Report::default() }
    }

    #[test]
    fn header_is_that_of_haproxy_3_2() {
        assert_eq!(render(&Report::default(), &Filter::default()), format!("{HEADER_3_2}\n"));
    }

    #[test]
    fn a_line_has_as_many_fields_as_the_header() {
        let text = render(&report(Row::server("b", "s", 2, 1)), &Filter::default());
        let mut lines = text.lines();
        let columns = lines.next().unwrap().matches(',').count();
        let line = lines.next().unwrap();
        assert!(line.starts_with("b,s,,,"), "{line}");
        assert!(line.ends_with(",-,"), "{line}");
        assert_eq!(line.matches(',').count(), columns);
    }

    #[test]
    fn text_is_quoted_only_where_it_must_be() {
        for (text, expected) in
            [("L7OK", "L7OK"), ("a b", "a b"), ("a,b", "\"a,b\""), ("say \"hi\"", "\"say \"\"hi\"\"\"")]
        {
            let mut out = String::new();
            quoted(&mut out, text);
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn never_used_servers_show_minus_one() {
        let mut row = Row::server("b", "s", 2, 1);
        row.set(Field::Lastsess, -1_i64);
        let text = render(&report(row), &Filter::default());
        let line = text.lines().nth(1).unwrap();
        assert_eq!(line.split(',').nth(Field::Lastsess as usize), Some("-1"));
    }
}
