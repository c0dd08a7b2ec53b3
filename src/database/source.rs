//! A database as a source of attributes.

use std::sync::Arc;
use std::time::Duration;

use mysql::Conn;

use crate::database::change::{NewNode, apply_change};
use crate::database::deadline::{Decision, NoResult, within};
use crate::database::error::Cause;
use crate::database::rows::{self, malformed};
use crate::database::session::{Cell, Fault, Session};
use crate::database::sqlite::{self, Purpose};
use crate::database::transaction::{self, Failed, Work};
use crate::database::url::Server;
use crate::database::{DEADLINE, DatabaseError, DatabaseUrl, mysql as server, statements};
use crate::host::Machine;
use crate::rocks::{AttributeSource, Change, Cluster, Directory, NodeId, Origin, Text};

/// A database, connected at the first request.
pub struct Database {
    url: DatabaseUrl,
    deadline: Duration,
    /// The connection to a server, kept between requests; dropped after one that misses its deadline.
    connection: Option<Conn>,
}

impl Database {
    /// The database at `url`.
    pub fn at(url: DatabaseUrl) -> Self {
        Self {
            url,
            deadline: DEADLINE,
            connection: None,
        }
    }

    /// The same database with another deadline for connecting and for each request.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    fn read<T: Send + 'static>(&mut self, work: impl Work<T>) -> Result<T, DatabaseError> {
        match self.url.clone() {
            DatabaseUrl::Sqlite(path) => {
                let connection = match Machine::has_file(&path) {
                    Ok(true) => sqlite::open(&path, Purpose::Reading),
                    Ok(false) => sqlite::empty(),
                    Err(error) => Err(Fault::NotPermitted(Cause::new(error))),
                };
                let done = connection.and_then(|mut connection| work(&mut connection));
                done.map_err(|fault| self.error(fault))
            }
            DatabaseUrl::MySql(server) => self.ask(&server, move |conn| work(conn)),
        }
    }

    fn write(&mut self, work: impl Work<usize>) -> Result<usize, DatabaseError> {
        match self.url.clone() {
            DatabaseUrl::Sqlite(path) => {
                transaction::on_file(path, work).map_err(|fault| self.error(fault))
            }
            DatabaseUrl::MySql(server) => self.change_on_server(&server, work),
        }
    }

    /// A change that missed its deadline is not made later: it is given up, unless `COMMIT` was sent
    /// already.
    fn change_on_server(
        &mut self,
        server: &Server,
        work: impl Work<usize>,
    ) -> Result<usize, DatabaseError> {
        let decision = Arc::new(Decision::default());
        let shared = Arc::clone(&decision);
        let outcome = self.ask(server, move |conn| {
            Ok(transaction::on_server(conn, &work, &shared))
        });
        match outcome {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(Failed::RolledBack(fault))) => Err(self.error(fault)),
            Ok(Err(Failed::Unconfirmed(source))) => Err(self.unconfirmed(source)),
            Err(error) if decision.give_up() => Err(error),
            Err(error) => Err(self.unconfirmed(Cause::new(error))),
        }
    }

    fn unconfirmed(&self, source: Cause) -> DatabaseError {
        let database = self.url.clone();
        DatabaseError::Unconfirmed { database, source }
    }

    /// Runs `work` with the connection to `server`, on a thread that can be abandoned.
    fn ask<T: Send + 'static>(
        &mut self,
        server: &Server,
        work: impl FnOnce(&mut Conn) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect(server)?,
        };
        let done = within(self.deadline, move || {
            let done = work(&mut connection);
            (connection, done)
        });
        let (connection, done) = done.map_err(|none| self.no_result(none))?;
        self.connection = Some(connection);
        done.map_err(|fault| self.error(fault))
    }

    fn connect(&self, server: &Server) -> Result<Conn, DatabaseError> {
        let server = server.clone();
        let connected = within(self.deadline, move || server::connect(&server));
        connected
            .map_err(|none| self.no_result(none))?
            .map_err(|fault| match fault {
                Fault::Login(_) => self.error(fault),
                other => DatabaseError::Connect {
                    database: self.url.clone(),
                    source: cause(other),
                },
            })
    }

    fn no_result(&self, none: NoResult) -> DatabaseError {
        let database = self.url.clone();
        match none {
            NoResult::Timeout => DatabaseError::Timeout {
                database,
                limit: self.deadline,
            },
            NoResult::Died => DatabaseError::Query {
                database,
                source: Cause::new("the answer could not be parsed"),
            },
        }
    }

    fn error(&self, fault: Fault) -> DatabaseError {
        let database = self.url.clone();
        match fault {
            Fault::Login(source) => DatabaseError::Login { database, source },
            Fault::NotPermitted(source) => DatabaseError::NotPermitted { database, source },
            Fault::Change(error) => DatabaseError::Change(error),
            Fault::Select(source) => DatabaseError::Select { source },
            Fault::Collision(source)
            | Fault::Duplicate(source)
            | Fault::Refused(source)
            | Fault::Other(source) => DatabaseError::Query { database, source },
        }
    }

    fn embedded_only(&self, what: &'static str) -> Result<(), DatabaseError> {
        match self.origin() {
            Origin::Embedded => Ok(()),
            Origin::Rocks => Err(DatabaseError::ManagedByRocks {
                database: self.url.clone(),
                what,
            }),
        }
    }
}

impl AttributeSource for Database {
    type Error = DatabaseError;

    fn origin(&self) -> Origin {
        match self.url {
            DatabaseUrl::MySql(_) => Origin::Rocks,
            DatabaseUrl::Sqlite(_) => Origin::Embedded,
        }
    }

    fn cluster(&mut self) -> Result<Cluster, DatabaseError> {
        self.read(|session: &mut dyn Session| read_cluster(session, statements::CLUSTER, &[]))
    }

    fn guest(&mut self, name: &Text) -> Result<Cluster, DatabaseError> {
        if self.origin() == Origin::Embedded {
            // A guest without a host is on this one, and only the caller knows its name.
            return self.cluster();
        }
        let names = vec![Cell::from(name); statements::NAME_PARAMETERS];
        self.read(move |session: &mut dyn Session| read_cluster(session, statements::GUEST, &names))
    }

    fn guests_of(&mut self, host: &Text) -> Result<Cluster, DatabaseError> {
        if self.origin() == Origin::Embedded {
            // Guests without a host are on this one too.
            return self.cluster();
        }
        let names = vec![Cell::from(host); statements::NAME_PARAMETERS];
        self.read(move |session: &mut dyn Session| {
            read_cluster(session, statements::GUESTS_OF, &names)
        })
    }

    fn directory(&mut self) -> Result<Directory, DatabaseError> {
        self.read(|session: &mut dyn Session| {
            rows::directory(session.rows(statements::DIRECTORY, &[])?).map_err(malformed)
        })
    }

    fn names_selected(&mut self, statement: &str) -> Result<Vec<Text>, DatabaseError> {
        let statement = statement.to_owned();
        self.read(move |session: &mut dyn Session| session.select(&statement).map(rows::names))
    }

    fn change(&mut self, name: &Text, change: &Change) -> Result<usize, DatabaseError> {
        let (name, change) = (name.clone(), change.clone());
        self.write(move |session: &mut dyn Session| {
            apply_change(session, &name, NewNode::None, &change)
        })
    }

    fn change_new(
        &mut self,
        name: &Text,
        is_guest: bool,
        change: &Change,
    ) -> Result<usize, DatabaseError> {
        self.embedded_only("create a host")?;
        let new_node = if is_guest {
            NewNode::Guest
        } else {
            NewNode::Host
        };
        let (name, change) = (name.clone(), change.clone());
        self.write(move |session: &mut dyn Session| apply_change(session, &name, new_node, &change))
    }

    fn place(&mut self, guest: NodeId, host: Option<NodeId>) -> Result<(), DatabaseError> {
        self.embedded_only("set the host of a guest")?;
        let host = host.map_or(Cell::Null, Cell::Int);
        let placed = self.write(move |session: &mut dyn Session| {
            session.execute(statements::PLACE_GUEST, &[host.clone(), guest.into()])?;
            Ok(1)
        });
        placed.map(|_| ())
    }
}

fn read_cluster(
    session: &mut dyn Session,
    statement: &'static str,
    parameters: &[Cell],
) -> Result<Cluster, Fault> {
    let mut rows = rows::ClusterRows::default();
    session.each_row(statement, parameters, &mut |row| rows.add(row))?;
    rows.cluster().map_err(malformed)
}

fn cause(fault: Fault) -> Cause {
    match fault {
        Fault::Login(cause)
        | Fault::NotPermitted(cause)
        | Fault::Collision(cause)
        | Fault::Duplicate(cause)
        | Fault::Refused(cause)
        | Fault::Select(cause)
        | Fault::Other(cause) => cause,
        Fault::Change(error) => Cause::new(error),
    }
}
