BEGIN TRANSACTION;
CREATE TABLE anchor (
  one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL, hash TEXT NOT NULL
) STRICT;
CREATE TABLE applied (
  number     INTEGER PRIMARY KEY,
  revision   TEXT    NOT NULL,
  at         TEXT    NOT NULL,
  "commit"   TEXT    NOT NULL,                 -- of git; '': not known
  sheets     TEXT    NOT NULL,                 -- JSON: the manifests as text
  cluster    TEXT    NOT NULL                  -- JSON: the noun
) STRICT;
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
  command    TEXT    NOT NULL DEFAULT ''       -- secrets hidden
, late INTEGER NOT NULL DEFAULT 0) STRICT;
INSERT INTO "attempt" VALUES(1,'b-0001/a/probe','render','n1','life-1',3,'2027-01-15T08:00:00.000+00:00','2027-01-15T08:00:00.000+00:00',1,'','','{"attempt":"0a1b2c-000001","ending":"exited","exit_code":0,"result":{"frames":20}}','',0);
INSERT INTO "attempt" VALUES(2,'b-0001/a/t/000000/encode','render','n1','life-1',6,'2027-01-15T08:00:00.000+00:00','2027-01-15T08:00:00.000+00:00',1,'','','{"attempt":"0a1b2c-000002","ending":"exited","exit_code":0,"result":{"n":1}}','',0);
INSERT INTO "attempt" VALUES(3,'b-0001/a/t/000001/encode','render','n1','life-1',8,'2027-01-15T08:00:00.000+00:00',NULL,0,'','',NULL,'',0);
INSERT INTO "attempt" VALUES(4,'b-0003/j/probe','render','n1','life-1',11,'2027-01-15T08:00:00.000+00:00','2027-01-15T08:00:00.000+00:00',1,'','','{"attempt":"0a1b2c-000004","ending":"exited","exit_code":0}','',0);
INSERT INTO "attempt" VALUES(5,'b-0003/j/t/000000/encode','render','n1','life-1',14,'2027-01-15T08:00:00.000+00:00','2027-01-15T08:00:00.000+00:00',0,'failed','exit code 1','{"attempt":"0a1b2c-000005","ending":"exited","exit_code":0}','',0);
INSERT INTO "attempt" VALUES(6,'b-0004/j/probe','render','n1','life-1',18,'2027-01-15T08:00:00.000+00:00','2027-01-15T08:00:00.000+00:00',0,'lost','lost 10 times','{"attempt":"0a1b2c-000006","ending":"exited","exit_code":0}','',0);
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
INSERT INTO "batch" VALUES(1,'b-0001','b',1,'digest of b',1,'{"id":"b-0001","name":"b"}',0.0,'2027-01-15T08:00:00.000+00:00','','Waiting','',2,0,0,'','');
INSERT INTO "batch" VALUES(2,'b-0002','b',2,'digest of b',2,'{"id":"b-0002","name":"b","priority":"low"}',1800000060.0,'2027-01-15T08:00:00.000+00:00','','Waiting','',1,0,0,'','');
INSERT INTO "batch" VALUES(3,'b-0003','b',3,'digest of b',0,'{"id":"b-0003","name":"b","priority":"high"}',0.0,'2027-01-15T08:00:00.000+00:00','','Waiting','',1,0,0,'','');
INSERT INTO "batch" VALUES(4,'b-0004','b',4,'digest of b',1,'{"id":"b-0004","name":"b"}',0.0,'2027-01-15T08:00:00.000+00:00','','Waiting','',1,0,0,'','');
CREATE TABLE detail (
  task       INTEGER PRIMARY KEY REFERENCES task (number) ON DELETE CASCADE,
  args       TEXT    NOT NULL                  -- JSON: the processor's own
) STRICT;
INSERT INTO "detail" VALUES(1,'{"deep":false}');
INSERT INTO "detail" VALUES(2,'{"deep":false}');
INSERT INTO "detail" VALUES(3,'{}');
INSERT INTO "detail" VALUES(4,'{}');
INSERT INTO "detail" VALUES(5,'{}');
INSERT INTO "detail" VALUES(6,'{}');
INSERT INTO "detail" VALUES(7,'{"deep":false}');
INSERT INTO "detail" VALUES(8,'{"deep":false}');
INSERT INTO "detail" VALUES(9,'{}');
INSERT INTO "detail" VALUES(10,'{}');
INSERT INTO "detail" VALUES(11,'{}');
INSERT INTO "detail" VALUES(12,'{}');
INSERT INTO "detail" VALUES(13,'{"deep":false}');
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
INSERT INTO "event" VALUES(1,1,'2027-01-15T08:00:00.000+00:00',7.0,'epoch-taken','0a1b2c','{"epoch":1}','219705a6f09ed6879f9ea33300691aca47072abd96f86ac4aeb40e27185d3f79');
INSERT INTO "event" VALUES(2,1,'2027-01-15T08:00:00.000+00:00',7.0,'accepted','b-0001','{"batch":{"id":"b-0001","jobs":[{"asks":{"scene":"a.ma"},"id":"b-0001/a","name":"a","processor":"frames"},{"after":["a"],"asks":{"scene":"a.ma"},"id":"b-0001/b","name":"b","processor":"frames"}],"name":"b"},"digest":"digest of b","not_before":0.0,"origin":{},"tasks":[{"args":{"deep":false},"id":"b-0001/a/probe","kind":"probe","weight":1000000000.0},{"args":{"deep":false},"id":"b-0001/b/probe","kind":"probe","weight":1000000000.0}]}','50101dfddd19d1ea5c43587a4dd819441e6d3dfde6a4c18b610e1c58f20a3e01');
INSERT INTO "event" VALUES(3,1,'2027-01-15T08:00:00.000+00:00',7.0,'leased','b-0001/a/probe','{"attempt":"0a1b2c-000001","incarnation":"life-1","node":"n1"}','d074580c2595975803c15b6ccafd40aa4858374a6732179857a49eda66081102');
INSERT INTO "event" VALUES(4,1,'2027-01-15T08:00:00.000+00:00',7.0,'accepted','b-0001/a/probe','{"attempt":"0a1b2c-000001","result":{"frames":20},"state":"Successful"}','df14055bb8c4a4fa240e0391623e7ec099e56986c6c2a274a6d03e01c3e32a43');
INSERT INTO "event" VALUES(5,1,'2027-01-15T08:00:00.000+00:00',7.0,'planned','b-0001/a','{"targets":[{"destination":"/out/t.mov","name":"t","notes":[],"segments":[[0,0,10],[1,10,20]],"tasks":[{"id":"b-0001/a/t/000000/encode","kind":"encode","segment":{"end":10,"index":0,"start":0},"target":"t"},{"id":"b-0001/a/t/000001/encode","kind":"encode","segment":{"end":20,"index":1,"start":10},"target":"t"},{"id":"b-0001/a/t/assemble","kind":"assemble","needs":["b-0001/a/t/000000/encode","b-0001/a/t/000001/encode"],"target":"t"},{"id":"b-0001/a/t/publish","kind":"publish","needs":["b-0001/a/t/assemble"],"target":"t"}]}]}','905679847907faf47d92ca0a76680b0ae82b328044171fc9060317e90f455905');
INSERT INTO "event" VALUES(6,1,'2027-01-15T08:00:00.000+00:00',7.0,'leased','b-0001/a/t/000000/encode','{"attempt":"0a1b2c-000002","incarnation":"life-1","node":"n1"}','37e402d9de5d5ca9df4ca0888cfeb3520490126a7b40abddd22bef15bf022081');
INSERT INTO "event" VALUES(7,1,'2027-01-15T08:00:00.000+00:00',7.0,'accepted','b-0001/a/t/000000/encode','{"attempt":"0a1b2c-000002","result":{"n":1},"state":"Successful"}','b5162992ac64981be1117de97a8b733d545d6ee84b0e38bee8d1475f1cd90d97');
INSERT INTO "event" VALUES(8,1,'2027-01-15T08:00:00.000+00:00',7.0,'leased','b-0001/a/t/000001/encode','{"attempt":"0a1b2c-000003","incarnation":"life-1","node":"n1"}','c52a6583cd6b0c009cb4c33d96d4297c42d090bb3fbe3d8a4bd95c94eaeed29e');
INSERT INTO "event" VALUES(9,1,'2027-01-15T08:00:00.000+00:00',7.0,'accepted','b-0002','{"batch":{"id":"b-0002","jobs":[{"asks":{"scene":"a.ma"},"id":"b-0002/j","name":"j","processor":"frames"}],"name":"b","priority":"low"},"digest":"digest of b","not_before":1800000060.0,"origin":{},"tasks":[{"args":{"deep":false},"id":"b-0002/j/probe","kind":"probe","weight":1000000000.0}]}','18999ded71be8c78304626f8218d727289ded0dacf9239a2f44cbbe3bc4cdcc5');
INSERT INTO "event" VALUES(10,1,'2027-01-15T08:00:00.000+00:00',7.0,'accepted','b-0003','{"batch":{"id":"b-0003","jobs":[{"asks":{"scene":"a.ma"},"id":"b-0003/j","name":"j","processor":"frames"}],"name":"b","priority":"high"},"digest":"digest of b","not_before":0.0,"origin":{},"tasks":[{"args":{"deep":false},"id":"b-0003/j/probe","kind":"probe","weight":1000000000.0}]}','acb3f62d1a553ebaece30a239c65e3e5773667295455d5f2fad65cc8c8e8b7bf');
INSERT INTO "event" VALUES(11,1,'2027-01-15T08:00:00.000+00:00',7.0,'leased','b-0003/j/probe','{"attempt":"0a1b2c-000004","incarnation":"life-1","node":"n1"}','6b7e5bd71a325326275911731d3534e9e0f155f19a1183268db198d57ab03e6c');
INSERT INTO "event" VALUES(12,1,'2027-01-15T08:00:00.000+00:00',7.0,'accepted','b-0003/j/probe','{"attempt":"0a1b2c-000004","result":{},"state":"Successful"}','7ca25a94998080f50ed1c0d242b40fd974159e0529cc91147b896f2062f89773');
INSERT INTO "event" VALUES(13,1,'2027-01-15T08:00:00.000+00:00',7.0,'planned','b-0003/j','{"targets":[{"destination":"/out/t.mov","name":"t","notes":[],"segments":[[0,0,10],[1,10,20]],"tasks":[{"id":"b-0003/j/t/000000/encode","kind":"encode","segment":{"end":10,"index":0,"start":0},"target":"t"},{"id":"b-0003/j/t/000001/encode","kind":"encode","segment":{"end":20,"index":1,"start":10},"target":"t"},{"id":"b-0003/j/t/assemble","kind":"assemble","needs":["b-0003/j/t/000000/encode","b-0003/j/t/000001/encode"],"target":"t"},{"id":"b-0003/j/t/publish","kind":"publish","needs":["b-0003/j/t/assemble"],"target":"t"}]}]}','b1f21a8c0245da514a4cd114a39892713346f1e5cbf3f7ad64ab48a63cd237e3');
INSERT INTO "event" VALUES(14,1,'2027-01-15T08:00:00.000+00:00',7.0,'leased','b-0003/j/t/000000/encode','{"attempt":"0a1b2c-000005","incarnation":"life-1","node":"n1"}','465cafc309da640fc2fdfa495e8f7822e7f15dffb208a3d10d92e3fa3464766f');
INSERT INTO "event" VALUES(15,1,'2027-01-15T08:00:00.000+00:00',7.0,'failed','b-0003/j/t/000000/encode','{"attempt":"0a1b2c-000005","cause":"failed","counts":[3,0,0,0],"reason":"exit code 1","state":"Failed"}','a5e4d349ca147095c96367c3a7208519c0385a4aea64aaef30688e7ac83fe7e6');
INSERT INTO "event" VALUES(16,1,'2027-01-15T08:00:00.000+00:00',7.0,'cancelled','b-0003/j/t','{"attempts":[],"reason":"b-0003/j/t/000000/encode was given up: exit code 1","tasks":["b-0003/j/t/000001/encode","b-0003/j/t/assemble","b-0003/j/t/publish"]}','c36139cea3f8fbabed7273cf285fd540da9bf51e057d3927a98471b50ff5765c');
INSERT INTO "event" VALUES(17,1,'2027-01-15T08:00:00.000+00:00',7.0,'accepted','b-0004','{"batch":{"id":"b-0004","jobs":[{"asks":{"scene":"a.ma"},"id":"b-0004/j","name":"j","processor":"frames"}],"name":"b"},"digest":"digest of b","not_before":0.0,"origin":{},"tasks":[{"args":{"deep":false},"id":"b-0004/j/probe","kind":"probe","weight":1000000000.0}]}','64b4aee2f1ed06640d3a94dfc68b3b259f8113971f83ab8289c84f4a14fc2910');
INSERT INTO "event" VALUES(18,1,'2027-01-15T08:00:00.000+00:00',7.0,'leased','b-0004/j/probe','{"attempt":"0a1b2c-000006","incarnation":"life-1","node":"n1"}','6ad038c6b59cd022ba004fc269d08c8b0f9d70f59e2a9be3b55d6cea4b0e78e5');
INSERT INTO "event" VALUES(19,1,'2027-01-15T08:00:00.000+00:00',7.0,'held','b-0004/j/probe','{"attempt":"0a1b2c-000006","cause":"lost","counts":[0,10,0,0],"reason":"lost 10 times","state":"Hold"}','2143420f38274f2335a8668466a156456ddfde3ddf71f37c61ba698138772655');
INSERT INTO "event" VALUES(20,1,'2027-01-15T08:00:00.000+00:00',7.0,'paused','b-0002/j','{"attempts":[],"tasks":[]}','18318371318f5779604a86875db75bc912dba7ca50959d36afd2f9f07a9bf7ff');
INSERT INTO "event" VALUES(21,1,'2027-01-15T08:00:00.000+00:00',7.0,'node-paused','n2','{}','e9a10fb8d44f53f44e7574fb88df6050e3447d2d9bf8539fa4a4402834b390a1');
INSERT INTO "event" VALUES(22,2,'2026-11-22T03:15:13.502+00:00',65551.216178992,'epoch-taken','0a1b2c','{"epoch":2}','a37bfb9a3d19ea3fa5316e055ab6c974e81d947ae1ecd318fc8ad2b3914a9ae3');
CREATE TABLE hold (
  id         TEXT    PRIMARY KEY
) STRICT, WITHOUT ROWID;
INSERT INTO "hold" VALUES('b-0002/j');
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
INSERT INTO "job" VALUES('b-0001/a',1,0,'a','{"asks":{"scene":"a.ma"},"id":"b-0001/a","name":"a","processor":"frames"}','b-0001/a/probe',1,1,0,'','Waiting','',3,0,0);
INSERT INTO "job" VALUES('b-0001/b',1,1,'b','{"after":["a"],"asks":{"scene":"a.ma"},"id":"b-0001/b","name":"b","processor":"frames"}','b-0001/b/probe',0,0,1,'','Waiting','',1,0,0);
INSERT INTO "job" VALUES('b-0002/j',2,0,'j','{"asks":{"scene":"a.ma"},"id":"b-0002/j","name":"j","processor":"frames"}','b-0002/j/probe',0,0,0,'','Waiting','',1,0,0);
INSERT INTO "job" VALUES('b-0003/j',3,0,'j','{"asks":{"scene":"a.ma"},"id":"b-0003/j","name":"j","processor":"frames"}','b-0003/j/probe',1,1,0,'','Waiting','exit code 1',0,1,3);
INSERT INTO "job" VALUES('b-0004/j',4,0,'j','{"asks":{"scene":"a.ma"},"id":"b-0004/j","name":"j","processor":"frames"}','b-0004/j/probe',0,0,0,'','Waiting','',1,0,0);
CREATE TABLE job_after (
  job        TEXT    NOT NULL REFERENCES job (id),
  on_job     TEXT    NOT NULL REFERENCES job (id),
  PRIMARY KEY (on_job, job)
) STRICT, WITHOUT ROWID;
INSERT INTO "job_after" VALUES('b-0001/b','b-0001/a');
CREATE TABLE leaving_node (
  name       TEXT    PRIMARY KEY,
  node       TEXT    NOT NULL                  -- JSON: the noun
) STRICT, WITHOUT ROWID;
CREATE TABLE ledger (
  one        INTEGER PRIMARY KEY CHECK (one = 1),
  id         TEXT    NOT NULL,                 -- six hexadecimal digits, made once
  epoch      INTEGER NOT NULL                  -- one more at each opening for writing
) STRICT;
INSERT INTO "ledger" VALUES(1,'0a1b2c',2);
CREATE TABLE need (
  task       INTEGER NOT NULL REFERENCES task (number) ON DELETE CASCADE,
  place      INTEGER NOT NULL,
  on_task    INTEGER NOT NULL REFERENCES task (number) ON DELETE CASCADE,
  PRIMARY KEY (task, place)
) STRICT, WITHOUT ROWID;
INSERT INTO "need" VALUES(5,0,3);
INSERT INTO "need" VALUES(5,1,4);
INSERT INTO "need" VALUES(6,0,5);
INSERT INTO "need" VALUES(11,0,9);
INSERT INTO "need" VALUES(11,1,10);
INSERT INTO "need" VALUES(12,0,11);
CREATE TABLE notice (
  number INTEGER PRIMARY KEY, body TEXT NOT NULL, told TEXT NOT NULL
) STRICT;
CREATE TABLE noticed (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL) STRICT;
INSERT INTO "noticed" VALUES(1,21);
CREATE TABLE paused_node (
  name       TEXT    PRIMARY KEY
) STRICT, WITHOUT ROWID;
INSERT INTO "paused_node" VALUES('n2');
CREATE TABLE quarantine (
  node TEXT PRIMARY KEY, why TEXT NOT NULL, forgiven INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE seal (
  one INTEGER PRIMARY KEY CHECK (one = 1), writes INTEGER NOT NULL, digest INTEGER NOT NULL
) STRICT;
INSERT INTO "seal" VALUES(1,1,7250960331930347750);
CREATE TABLE series (name TEXT PRIMARY KEY, serial INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE submission (
  key        TEXT    PRIMARY KEY,
  digest     TEXT    NOT NULL,                 -- of what was sent under it
  batch      TEXT    NOT NULL,
  at         TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "submission" VALUES('key-1','digest of what was sent','b-0004','2027-01-15T08:00:00.000+00:00');
CREATE TABLE tally (
  job        TEXT    NOT NULL REFERENCES job (id),
  part       TEXT    NOT NULL,                 -- id of a target, or of the job for its own tasks
  kind       TEXT    NOT NULL,
  state      TEXT    NOT NULL,
  number     INTEGER NOT NULL,
  PRIMARY KEY (job, part, kind, state)
) STRICT, WITHOUT ROWID;
INSERT INTO "tally" VALUES('b-0001/a','b-0001/a','probe','Processing',0);
INSERT INTO "tally" VALUES('b-0001/a','b-0001/a','probe','Successful',1);
INSERT INTO "tally" VALUES('b-0001/a','b-0001/a','probe','Waiting',0);
INSERT INTO "tally" VALUES('b-0001/a','b-0001/a/t','assemble','Waiting',1);
INSERT INTO "tally" VALUES('b-0001/a','b-0001/a/t','encode','Processing',1);
INSERT INTO "tally" VALUES('b-0001/a','b-0001/a/t','encode','Successful',1);
INSERT INTO "tally" VALUES('b-0001/a','b-0001/a/t','encode','Waiting',0);
INSERT INTO "tally" VALUES('b-0001/a','b-0001/a/t','publish','Waiting',1);
INSERT INTO "tally" VALUES('b-0001/b','b-0001/b','probe','Waiting',1);
INSERT INTO "tally" VALUES('b-0002/j','b-0002/j','probe','Hold',1);
INSERT INTO "tally" VALUES('b-0002/j','b-0002/j','probe','Waiting',0);
INSERT INTO "tally" VALUES('b-0003/j','b-0003/j','probe','Processing',0);
INSERT INTO "tally" VALUES('b-0003/j','b-0003/j','probe','Successful',1);
INSERT INTO "tally" VALUES('b-0003/j','b-0003/j','probe','Waiting',0);
INSERT INTO "tally" VALUES('b-0003/j','b-0003/j/t','assemble','Cancelled',1);
INSERT INTO "tally" VALUES('b-0003/j','b-0003/j/t','assemble','Waiting',0);
INSERT INTO "tally" VALUES('b-0003/j','b-0003/j/t','encode','Cancelled',1);
INSERT INTO "tally" VALUES('b-0003/j','b-0003/j/t','encode','Failed',1);
INSERT INTO "tally" VALUES('b-0003/j','b-0003/j/t','encode','Processing',0);
INSERT INTO "tally" VALUES('b-0003/j','b-0003/j/t','encode','Waiting',0);
INSERT INTO "tally" VALUES('b-0003/j','b-0003/j/t','publish','Cancelled',1);
INSERT INTO "tally" VALUES('b-0003/j','b-0003/j/t','publish','Waiting',0);
INSERT INTO "tally" VALUES('b-0004/j','b-0004/j','probe','Hold',1);
INSERT INTO "tally" VALUES('b-0004/j','b-0004/j','probe','Processing',0);
INSERT INTO "tally" VALUES('b-0004/j','b-0004/j','probe','Waiting',0);
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
INSERT INTO "target" VALUES('b-0001/a/t','b-0001/a',0,'t','/out/t.mov','[]',20,10,'','Waiting','',3,0,0);
INSERT INTO "target" VALUES('b-0003/j/t','b-0003/j',0,'t','/out/t.mov','[]',20,0,'','Waiting','exit code 1',0,1,3);
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
  accepted   INTEGER REFERENCES attempt (number), -- the pointer, set once (R1)
  held       INTEGER NOT NULL DEFAULT 0        -- 1: `hold` has it, or a part above it
) STRICT;
INSERT INTO "task" VALUES(1,'b-0001/a/probe','b-0001/a',NULL,'probe',NULL,NULL,NULL,'render',1,1,1000000000.0,0,0,0.0,'Successful',0,0,0,0,'',NULL,1,0);
INSERT INTO "task" VALUES(2,'b-0001/b/probe','b-0001/b',NULL,'probe',NULL,NULL,NULL,'render',1,1,1000000000.0,4294967296,1,0.0,'Waiting',0,0,0,0,'',NULL,NULL,0);
INSERT INTO "task" VALUES(3,'b-0001/a/t/000000/encode','b-0001/a','b-0001/a/t','encode',0,0,10,'render',1,1,0.0,1,0,0.0,'Successful',0,0,0,0,'',NULL,2,0);
INSERT INTO "task" VALUES(4,'b-0001/a/t/000001/encode','b-0001/a','b-0001/a/t','encode',1,10,20,'render',1,1,0.0,2,0,0.0,'Processing',0,0,0,0,'',NULL,NULL,0);
INSERT INTO "task" VALUES(5,'b-0001/a/t/assemble','b-0001/a','b-0001/a/t','assemble',NULL,NULL,NULL,'render',1,1,0.0,3,1,0.0,'Waiting',0,0,0,0,'',NULL,NULL,0);
INSERT INTO "task" VALUES(6,'b-0001/a/t/publish','b-0001/a','b-0001/a/t','publish',NULL,NULL,NULL,'render',1,1,0.0,4,1,0.0,'Waiting',0,0,0,0,'',NULL,NULL,0);
INSERT INTO "task" VALUES(7,'b-0002/j/probe','b-0002/j',NULL,'probe',NULL,NULL,NULL,'render',2,2,1000000000.0,0,0,1800000060.0,'Waiting',0,0,0,0,'',NULL,NULL,1);
INSERT INTO "task" VALUES(8,'b-0003/j/probe','b-0003/j',NULL,'probe',NULL,NULL,NULL,'render',0,3,1000000000.0,0,0,0.0,'Successful',0,0,0,0,'',NULL,4,0);
INSERT INTO "task" VALUES(9,'b-0003/j/t/000000/encode','b-0003/j','b-0003/j/t','encode',0,0,10,'render',0,3,0.0,1,0,0.0,'Failed',3,0,0,0,'exit code 1','failed',NULL,0);
INSERT INTO "task" VALUES(10,'b-0003/j/t/000001/encode','b-0003/j','b-0003/j/t','encode',1,10,20,'render',0,3,0.0,2,0,0.0,'Cancelled',0,0,0,0,'b-0003/j/t/000000/encode was given up: exit code 1',NULL,NULL,0);
INSERT INTO "task" VALUES(11,'b-0003/j/t/assemble','b-0003/j','b-0003/j/t','assemble',NULL,NULL,NULL,'render',0,3,0.0,3,2,0.0,'Cancelled',0,0,0,0,'b-0003/j/t/000000/encode was given up: exit code 1',NULL,NULL,0);
INSERT INTO "task" VALUES(12,'b-0003/j/t/publish','b-0003/j','b-0003/j/t','publish',NULL,NULL,NULL,'render',0,3,0.0,4,1,0.0,'Cancelled',0,0,0,0,'b-0003/j/t/000000/encode was given up: exit code 1',NULL,NULL,0);
INSERT INTO "task" VALUES(13,'b-0004/j/probe','b-0004/j',NULL,'probe',NULL,NULL,NULL,'render',1,4,1000000000.0,0,0,0.0,'Hold',0,10,0,0,'lost 10 times','lost',NULL,0);
CREATE INDEX batch_name ON batch (name, serial);
CREATE INDEX batch_digest ON batch (digest, number);
CREATE INDEX batch_open ON batch (number) WHERE state = 'Waiting';
CREATE INDEX batch_over ON batch (number) WHERE state = 'Waiting' AND left = 0;
CREATE INDEX job_batch ON job (batch, place);
CREATE INDEX job_unplanned ON job (batch, place)
  WHERE state = 'Waiting' AND planned = 0 AND probed = 1 AND missing = 0;
CREATE INDEX job_over ON job (batch, place)
  WHERE state = 'Waiting' AND left = 0 AND planned + failed + cancelled > 0;
CREATE INDEX job_after_job ON job_after (job);
CREATE INDEX target_job ON target (job, place);
CREATE INDEX target_over ON target (job, place) WHERE state = 'Waiting' AND left = 0;
CREATE INDEX task_line ON task (service, priority, batch, weight DESC, position, job)
  WHERE state = 'Waiting' AND missing = 0 AND held = 0 AND not_before = 0;
CREATE INDEX task_line_of_kind ON task (service, kind, priority, batch, weight DESC, position, job)
  WHERE state = 'Waiting' AND missing = 0 AND held = 0 AND not_before = 0;
CREATE INDEX task_asleep ON task (service, not_before)
  WHERE state = 'Waiting' AND missing = 0 AND held = 0 AND not_before > 0;
CREATE INDEX task_job ON task (job, target);
CREATE INDEX need_on ON need (on_task);
CREATE INDEX attempt_task ON attempt (task);
CREATE UNIQUE INDEX one_open_attempt ON attempt (task) WHERE closed IS NULL;
CREATE INDEX attempt_node ON attempt (node);
CREATE INDEX task_line_of_target ON task (target, kind, weight DESC, position)
  WHERE state = 'Waiting' AND missing = 0 AND held = 0 AND not_before = 0;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('attempt',6);
COMMIT;
PRAGMA user_version = 3;
