-- What a person may read with the sqlite3 shell: words and JSON, no pickles, no class paths.

CREATE TABLE ledger (
  one        INTEGER PRIMARY KEY CHECK (one = 1),
  id         TEXT    NOT NULL,                 -- six hexadecimal digits, made once
  epoch      INTEGER NOT NULL                  -- one more at each opening for writing
) STRICT;

-- One row a change; hash = sha256(previous hash, row), see events.py.
CREATE TABLE event (
  seq        INTEGER PRIMARY KEY,
  epoch      INTEGER NOT NULL,
  wall       TEXT    NOT NULL,                 -- ISO 8601, UTC
  boottime   REAL    NOT NULL,                 -- seconds since the machine started
  kind       TEXT    NOT NULL,
  subject    TEXT    NOT NULL,                 -- id of a batch, job, target or task
  data       TEXT    NOT NULL,                 -- canonical JSON
  hash       TEXT    NOT NULL
) STRICT;

-- How many transactions there were, and a digest of all rows but the events', see seal.py.
CREATE TABLE seal (
  one        INTEGER PRIMARY KEY CHECK (one = 1),
  writes     INTEGER NOT NULL,
  digest     INTEGER NOT NULL
) STRICT;

-- Up to here events were compacted away; what is left begins with the next one.
CREATE TABLE anchor (
  one        INTEGER PRIMARY KEY CHECK (one = 1),
  seq        INTEGER NOT NULL,
  hash       TEXT    NOT NULL                  -- of event `seq`
) STRICT;

CREATE TABLE batch (
  number     INTEGER PRIMARY KEY,              -- order of acceptance
  id         TEXT    NOT NULL UNIQUE,          -- name-NNNN
  name       TEXT    NOT NULL,
  serial     INTEGER NOT NULL,                 -- the NNNN
  digest     TEXT    NOT NULL,                 -- of the canonical manifest
  priority   INTEGER NOT NULL,                 -- 0 high, 1 medium, 2 low
  body       TEXT    NOT NULL,                 -- JSON, without its jobs
  not_before REAL    NOT NULL,                 -- Unix seconds; 0: at once
  accepted   TEXT    NOT NULL,
  ended      TEXT    NOT NULL DEFAULT '',
  state      TEXT    NOT NULL DEFAULT 'Waiting', -- Waiting while open, then how it ended
  reason     TEXT    NOT NULL DEFAULT '',
  left       INTEGER NOT NULL DEFAULT 0,       -- jobs not closed
  failed     INTEGER NOT NULL DEFAULT 0,
  cancelled  INTEGER NOT NULL DEFAULT 0,
  owner      TEXT    NOT NULL DEFAULT '',      -- id of a token; '': the controller's own user
  sent_by    TEXT    NOT NULL DEFAULT ''       -- as the client calls itself
) STRICT;
CREATE INDEX batch_name ON batch (name, serial);
CREATE INDEX batch_digest ON batch (digest, number);
CREATE INDEX batch_open ON batch (number) WHERE state = 'Waiting';
CREATE INDEX batch_over ON batch (number) WHERE state = 'Waiting' AND left = 0;

-- The last number of names whose batches have left: no id is given twice.
CREATE TABLE series (
  name       TEXT    PRIMARY KEY,
  serial     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE job (
  id         TEXT    PRIMARY KEY,              -- batch/job
  batch      INTEGER NOT NULL REFERENCES batch (number),
  place      INTEGER NOT NULL,                 -- in its batch, from 0
  name       TEXT    NOT NULL,
  body       TEXT    NOT NULL,                 -- JSON
  probe      TEXT,                             -- id of its probe task; NULL: it has none
  probed     INTEGER NOT NULL,                 -- 1: the probe is accepted, or there is none
  planned    INTEGER NOT NULL DEFAULT 0,
  missing    INTEGER NOT NULL,                 -- jobs it comes after that are not Successful
  ended      TEXT    NOT NULL DEFAULT '',
  state      TEXT    NOT NULL DEFAULT 'Waiting',
  reason     TEXT    NOT NULL DEFAULT '',
  left       INTEGER NOT NULL DEFAULT 0,       -- tasks not final, its targets' included
  failed     INTEGER NOT NULL DEFAULT 0,
  cancelled  INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX job_batch ON job (batch, place);
CREATE INDEX job_unplanned ON job (batch, place)
  WHERE state = 'Waiting' AND planned = 0 AND probed = 1 AND missing = 0;
-- A job whose probe is accepted has nothing left and is not over: it is to be planned.
CREATE INDEX job_over ON job (batch, place)
  WHERE state = 'Waiting' AND left = 0 AND planned + failed + cancelled > 0;

CREATE TABLE job_after (
  job        TEXT    NOT NULL REFERENCES job (id),
  on_job     TEXT    NOT NULL REFERENCES job (id),
  PRIMARY KEY (on_job, job)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_after_job ON job_after (job);

CREATE TABLE target (
  id         TEXT    PRIMARY KEY,              -- batch/job/target
  job        TEXT    NOT NULL REFERENCES job (id),
  place      INTEGER NOT NULL,                 -- in its job, from 0
  name       TEXT    NOT NULL,
  destination TEXT   NOT NULL,
  notes      TEXT    NOT NULL,                 -- JSON: sentences
  frames     INTEGER NOT NULL,                 -- of its plan
  frames_done INTEGER NOT NULL DEFAULT 0,      -- of its accepted segments
  ended      TEXT    NOT NULL DEFAULT '',
  state      TEXT    NOT NULL DEFAULT 'Waiting',
  reason     TEXT    NOT NULL DEFAULT '',
  left       INTEGER NOT NULL DEFAULT 0,       -- tasks not final
  failed     INTEGER NOT NULL DEFAULT 0,
  cancelled  INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX target_job ON target (job, place);
CREATE INDEX target_over ON target (job, place) WHERE state = 'Waiting' AND left = 0;

-- Kept narrow: it is written at each step of a task; what is written once stands in `detail`.
CREATE TABLE task (
  number     INTEGER PRIMARY KEY,
  id         TEXT    NOT NULL UNIQUE,          -- batch/job[/target[/segment]]/kind
  job        TEXT    NOT NULL REFERENCES job (id),
  target     TEXT,                             -- its id; NULL: of the job itself, as its probe
  kind       TEXT    NOT NULL,
  segment    INTEGER,                          -- its index; NULL: none
  "start"    INTEGER,                          -- first output frame
  "end"      INTEGER,                          -- one past the last
  service    TEXT    NOT NULL,
  priority   INTEGER NOT NULL,
  batch      INTEGER NOT NULL,
  weight     REAL    NOT NULL,
  position   INTEGER NOT NULL,                 -- in its batch: job, then order of the plan
  missing    INTEGER NOT NULL,                 -- what it needs that is not accepted
  not_before REAL    NOT NULL,                 -- Unix seconds; 0: at once
  state      TEXT    NOT NULL,
  tries      INTEGER NOT NULL DEFAULT 0,
  losses     INTEGER NOT NULL DEFAULT 0,
  agains     INTEGER NOT NULL DEFAULT 0,
  waits      INTEGER NOT NULL DEFAULT 0,
  reason     TEXT    NOT NULL DEFAULT '',
  cause      TEXT,
  accepted   INTEGER REFERENCES attempt (number), -- the pointer, set once (R1); NULL again: its files were changed (T21)
  held       INTEGER NOT NULL DEFAULT 0        -- 1: `hold` has it, or a part above it
) STRICT;
-- The line is read from its front, never from end to end.
CREATE INDEX task_line ON task (service, priority, batch, weight DESC, position, job)
  WHERE state = 'Waiting' AND missing = 0 AND held = 0 AND not_before = 0;
CREATE INDEX task_line_of_kind ON task (service, kind, priority, batch, weight DESC, position, job)
  WHERE state = 'Waiting' AND missing = 0 AND held = 0 AND not_before = 0;
CREATE INDEX task_line_of_target ON task (target, kind, weight DESC, position)
  WHERE state = 'Waiting' AND missing = 0 AND held = 0 AND not_before = 0;
CREATE INDEX task_asleep ON task (service, not_before)
  WHERE state = 'Waiting' AND missing = 0 AND held = 0 AND not_before > 0;
CREATE INDEX task_job ON task (job, target);

CREATE TABLE detail (
  task       INTEGER PRIMARY KEY REFERENCES task (number) ON DELETE CASCADE,
  args       TEXT    NOT NULL                  -- JSON: the processor's own
) STRICT;

CREATE TABLE need (
  task       INTEGER NOT NULL REFERENCES task (number) ON DELETE CASCADE,
  place      INTEGER NOT NULL,
  on_task    INTEGER NOT NULL REFERENCES task (number) ON DELETE CASCADE,
  PRIMARY KEY (task, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX need_on ON need (on_task);

-- How many tasks of a part are in which state, kept with each move: nobody counts tasks.
CREATE TABLE tally (
  job        TEXT    NOT NULL REFERENCES job (id),
  part       TEXT    NOT NULL,                 -- id of a target, or of the job for its own tasks
  kind       TEXT    NOT NULL,
  state      TEXT    NOT NULL,
  number     INTEGER NOT NULL,
  PRIMARY KEY (job, part, kind, state)
) STRICT, WITHOUT ROWID;

-- Kept when its task is dropped; its id for people is `ledger.id`-`number`.
CREATE TABLE attempt (
  number     INTEGER PRIMARY KEY AUTOINCREMENT, -- AUTOINCREMENT: never used again
  task       TEXT    NOT NULL,
  service    TEXT    NOT NULL,
  node       TEXT    NOT NULL,
  incarnation TEXT   NOT NULL,
  lease      INTEGER NOT NULL,                 -- seq of its `leased` event
  opened     TEXT    NOT NULL,
  closed     TEXT,                             -- NULL: open
  accepted   INTEGER NOT NULL DEFAULT 0,
  cause      TEXT    NOT NULL DEFAULT '',
  why        TEXT    NOT NULL DEFAULT '',
  outcome    TEXT,                             -- JSON
  command    TEXT    NOT NULL DEFAULT '',      -- secrets hidden
  late       INTEGER NOT NULL DEFAULT 0        -- 1: given up, and a word of it may still count (R4);
                                               -- 2: cancelled, and it is not heard that it has ended
) STRICT;
CREATE INDEX attempt_task ON attempt (task);
CREATE INDEX attempt_node ON attempt (node);
-- At most one open attempt a task, whatever the code above believes.
CREATE UNIQUE INDEX one_open_attempt ON attempt (task) WHERE closed IS NULL;

-- What a person has paused: any batch, job, target, segment or task.
CREATE TABLE hold (
  id         TEXT    PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Targets that wait by their plan until a person lets them go on: `hold` has them until then.
CREATE TABLE gate (
  id         TEXT    PRIMARY KEY,
  why        TEXT    NOT NULL,
  open       INTEGER NOT NULL DEFAULT 0        -- 1: a person did; no later plan holds it again
) STRICT, WITHOUT ROWID;

-- Nodes that a person has paused.
CREATE TABLE paused_node (
  name       TEXT    PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Nodes that failed or lost everything, and those taken back: older attempts are forgiven.
CREATE TABLE quarantine (
  node       TEXT    PRIMARY KEY,
  why        TEXT    NOT NULL,                 -- '': it was taken back
  forgiven   INTEGER NOT NULL                  -- number of the last attempt that counts no more
) STRICT, WITHOUT ROWID;

-- Nodes that the manifest names no longer, until what we put on them is removed.
CREATE TABLE leaving_node (
  name       TEXT    PRIMARY KEY,
  node       TEXT    NOT NULL                  -- JSON: the noun
) STRICT, WITHOUT ROWID;

-- Which batch a submission became: the same key again is the same batch (R6).
CREATE TABLE submission (
  key        TEXT    PRIMARY KEY,
  digest     TEXT    NOT NULL,                 -- of what was sent under it
  batch      TEXT    NOT NULL,
  at         TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- What `apply` was told; the last row stands.
CREATE TABLE applied (
  number     INTEGER PRIMARY KEY,
  revision   TEXT    NOT NULL,
  at         TEXT    NOT NULL,
  "commit"   TEXT    NOT NULL,                 -- of git; '': not known
  sheets     TEXT    NOT NULL,                 -- JSON: the manifests as text
  cluster    TEXT    NOT NULL                  -- JSON: the noun
) STRICT;

-- What people are to be told, until it went every way that it should.
CREATE TABLE notice (
  number     INTEGER PRIMARY KEY,              -- of the event that it comes from
  body       TEXT    NOT NULL,                 -- JSON: the noun
  told       TEXT    NOT NULL                  -- JSON: the ways that it went
) STRICT;

-- Notices were made of the events up to this one.
CREATE TABLE noticed (
  one        INTEGER PRIMARY KEY CHECK (one = 1),
  seq        INTEGER NOT NULL
) STRICT;
