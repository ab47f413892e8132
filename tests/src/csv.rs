//! The statistics of a running `lbd`, as a monitoring agent reads them.

use crate::{eventually, get};

/// The part of HAProxy 3.2's CSV header that does not depend on modules.
pub const HEADER_3_2: &str = "# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,\
    wredis,status,weight,act,bck,chkfail,chkdown,lastchg,downtime,qlimit,pid,iid,sid,throttle,lbtot,tracked,type,rate,\
    rate_lim,rate_max,check_status,check_code,check_duration,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other,\
    hanafail,req_rate,req_rate_max,req_tot,cli_abrt,srv_abrt,comp_in,comp_out,comp_byp,comp_rsp,lastsess,last_chk,\
    last_agt,qtime,ctime,rtime,ttime,agent_status,agent_code,agent_duration,check_desc,agent_desc,check_rise,check_fall,\
    check_health,agent_rise,agent_fall,agent_health,addr,cookie,mode,algo,conn_rate,conn_rate_max,conn_tot,intercepted,\
    dcon,dses,wrew,connect,reuse,cache_lookups,cache_hits,srv_icur,src_ilim,qtime_max,ctime_max,rtime_max,ttime_max,eint,\
    idle_conn_cur,safe_conn_cur,used_conn_cur,need_conn_est,uweight,agg_server_status,agg_server_check_status,\
    agg_check_status,srid,sess_other,h1sess,h2sess,h3sess,req_other,h1req,h2req,h3req,proto,-,";

/// One snapshot of `;csv`.
#[derive(Debug, Clone)]
pub struct Csv {
    /// The first line.
    pub header: String,
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Csv {
    /// Reads `/stats;csv` on `port`.
    ///
    /// # Panics
    /// It is not there.
    pub fn fetch(port: u16) -> Self {
        let response = get(port, "/stats;csv");
        assert_eq!(response.status(), 200, "{response:?}");
        let text = response.text();
        let mut lines = text.lines();
        let header = lines.next().unwrap_or_default().to_owned();
        let columns = cells(header.trim_start_matches("# "));
        Self { columns, rows: lines.filter(|line| !line.is_empty()).map(cells).collect(), header }
    }

    /// The cell of a proxy's row: `FRONTEND`, `BACKEND` or a server's name.
    ///
    /// # Panics
    /// There is no such row or column.
    pub fn cell(&self, proxy: &str, row: &str, column: &str) -> &str {
        let at =
            self.columns.iter().position(|c| c == column).unwrap_or_else(|| panic!("no column {column}"));
        let cells = self.row(proxy, row).unwrap_or_else(|| panic!("no row {proxy}/{row} in {:?}", self.rows));
        cells.get(at).unwrap_or_else(|| panic!("{proxy}/{row} is too short"))
    }

    /// [`Self::cell`] as a number; an empty cell is 0.
    ///
    /// # Panics
    /// As [`Self::cell`], or it is not a number.
    pub fn number(&self, proxy: &str, row: &str, column: &str) -> i64 {
        let cell = self.cell(proxy, row, column);
        if cell.is_empty() { 0 } else { cell.parse().unwrap_or_else(|_| panic!("{column} is {cell:?}")) }
    }

    /// Waits until a cell has that value, and gives the snapshot.
    ///
    /// # Panics
    /// It does not get it in time.
    pub fn await_cell(port: u16, (proxy, row, column): (&str, &str, &str), value: &str) -> Self {
        eventually(&format!("{proxy}/{row} {column} is {value:?}"), || {
            Some(Self::fetch(port)).filter(|csv| csv.cell(proxy, row, column) == value)
        })
    }

    fn row(&self, proxy: &str, row: &str) -> Option<&Vec<String>> {
        self.rows
            .iter()
            .find(|cells| cells.first().is_some_and(|c| c == proxy) && cells.get(1).is_some_and(|c| c == row))
    }
}

/// Cells of one line; those with commas or quotes in them are quoted, quotes doubled.
fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    let mut characters = line.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(std::mem::take(&mut cell)),
            c => cell.push(c),
        }
    }
    cells.push(cell);
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_cells_may_hold_commas_and_quotes() {
        assert_eq!(cells("a,\"b,\"\"c\"\"\",,d"), ["a", "b,\"c\"", "", "d"]);
    }

    #[test]
    fn the_header_has_113_columns() {
        // `-` stands behind them, and the last comma makes one more, empty.
        assert_eq!(cells(HEADER_3_2.trim_start_matches("# ")).len(), 113 + 2);
    }
}
