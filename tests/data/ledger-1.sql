BEGIN TRANSACTION;
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
) STRICT;
INSERT INTO "attempt" VALUES(1,'b-0001/a/probe','render','n1','life-1',3,'2027-01-15T08:00:00.000+00:00','2027-01-15T08:00:00.000+00:00',1,'','','{"attempt":"0a1b2c-000001","ending":"exited","exit_code":0,"result":{"frames":20}}','');
INSERT INTO "attempt" VALUES(2,'b-0001/a/t/000000/encode','render','n1','life-1',6,'2027-01-15T08:00:00.000+00:00','2027-01-15T08:00:00.000+00:00',1,'','','{"attempt":"0a1b2c-000002","ending":"exited","exit_code":0,"result":{"n":1}}','');
INSERT INTO "attempt" VALUES(3,'b-0001/a/t/000001/encode','render','n1','life-1',8,'2027-01-15T08:00:00.000+00:00',NULL,0,'','',NULL,'');
INSERT INTO "attempt" VALUES(4,'b-0003/j/probe','render','n1','life-1',11,'2027-01-15T08:00:00.000+00:00','2027-01-15T08:00:00.000+00:00',1,'','','{"attempt":"0a1b2c-000004","ending":"exited","exit_code":0}','');
INSERT INTO "attempt" VALUES(5,'b-0003/j/t/000000/encode','render','n1','life-1',14,'2027-01-15T08:00:00.000+00:00','2027-01-15T08:00:00.000+00:00',0,'failed','exit code 1','{"attempt":"0a1b2c-000005","ending":"exited","exit_code":0}','');
INSERT INTO "attempt" VALUES(6,'b-0004/j/probe','render','n1','life-1',20,'2027-01-15T08:00:00.000+00:00','2027-01-15T08:00:00.000+00:00',0,'lost','lost 10 times','{"attempt":"0a1b2c-000006","ending":"exited","exit_code":0}','');
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
  cancelled  INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO "batch" VALUES(1,'b-0001','b',1,'digest of b',1,'{"id":"b-0001","name":"b"}',0.0,'2027-01-15T08:00:00.000+00:00','','Waiting','',2,0,0);
INSERT INTO "batch" VALUES(2,'b-0002','b',2,'digest of b',2,'{"id":"b-0002","name":"b","priority":"low"}',1800000060.0,'2027-01-15T08:00:00.000+00:00','','Waiting','',1,0,0);
INSERT INTO "batch" VALUES(3,'b-0003','b',3,'digest of b',0,'{"id":"b-0003","name":"b","priority":"high"}',0.0,'2027-01-15T08:00:00.000+00:00','','Waiting','exit code 1',0,1,0);
INSERT INTO "batch" VALUES(4,'b-0004','b',4,'digest of b',1,'{"id":"b-0004","name":"b"}',0.0,'2027-01-15T08:00:00.000+00:00','','Waiting','',1,0,0);
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
INSERT INTO "event" VALUES(2,1,'2027-01-15T08:00:00.000+00:00',7.0,'accepted','b-0001','{"batch":{"id":"b-0001","jobs":[{"asks":{"scene":"a.ma"},"id":"b-0001/a","name":"a","processor":"frames"},{"after":["a"],"asks":{"scene":"a.ma"},"id":"b-0001/c","name":"c","processor":"frames"}],"name":"b"},"digest":"digest of b","not_before":0.0,"tasks":[{"args":{"deep":false},"id":"b-0001/a/probe","kind":"probe","weight":1000000000.0},{"args":{"deep":false},"id":"b-0001/c/probe","kind":"probe","weight":1000000000.0}]}','05491badd3e18740ba11bf08e59b2f2f6d9249eb27e2fcd1c75aaa59925248e7');
INSERT INTO "event" VALUES(3,1,'2027-01-15T08:00:00.000+00:00',7.0,'leased','b-0001/a/probe','{"attempt":"0a1b2c-000001","incarnation":"life-1","node":"n1"}','4d0fdf9fdced4fa23dfbfd20d01175a623ff3428f72ca49c6864860c1ad78299');
INSERT INTO "event" VALUES(4,1,'2027-01-15T08:00:00.000+00:00',7.0,'accepted','b-0001/a/probe','{"attempt":"0a1b2c-000001","result":{"frames":20},"state":"Successful"}','fa0b86e0a179df535cf54e48af7c9796668fb3c4df1ddef0944711a15a54b4b1');
INSERT INTO "event" VALUES(5,1,'2027-01-15T08:00:00.000+00:00',7.0,'planned','b-0001/a','{"targets":[{"destination":"/out/t.mov","name":"t","notes":[],"segments":[[0,0,10],[1,10,20]],"tasks":[{"id":"b-0001/a/t/000000/encode","kind":"encode","segment":{"end":10,"index":0,"start":0},"target":"t"},{"id":"b-0001/a/t/000001/encode","kind":"encode","segment":{"end":20,"index":1,"start":10},"target":"t"},{"id":"b-0001/a/t/assemble","kind":"assemble","needs":["b-0001/a/t/000000/encode","b-0001/a/t/000001/encode"],"target":"t"},{"id":"b-0001/a/t/publish","kind":"publish","needs":["b-0001/a/t/assemble"],"target":"t"}]}]}','545c9e5b5953944022a1d3162c46a6658e3d48a21b02db72aefe7225e46e4b9c');
INSERT INTO "event" VALUES(6,1,'2027-01-15T08:00:00.000+00:00',7.0,'leased','b-0001/a/t/000000/encode','{"attempt":"0a1b2c-000002","incarnation":"life-1","node":"n1"}','21b9b7692ec99e1974ea3560dce4602eeb653485c09e39f2e3e0990f55455fbb');
INSERT INTO "event" VALUES(7,1,'2027-01-15T08:00:00.000+00:00',7.0,'accepted','b-0001/a/t/000000/encode','{"attempt":"0a1b2c-000002","result":{"n":1},"state":"Successful"}','d7b08b42532c001830ee4b881089f15220bc51a8f3699016dd23df7ebacc9dc0');
INSERT INTO "event" VALUES(8,1,'2027-01-15T08:00:00.000+00:00',7.0,'leased','b-0001/a/t/000001/encode','{"attempt":"0a1b2c-000003","incarnation":"life-1","node":"n1"}','ae8ff5c694664375dd2027df3b9246485c9c7334c7e013a838ed6891faad7e4c');
INSERT INTO "event" VALUES(9,1,'2027-01-15T08:00:00.000+00:00',7.0,'accepted','b-0002','{"batch":{"id":"b-0002","jobs":[{"asks":{"scene":"a.ma"},"id":"b-0002/j","name":"j","processor":"frames"}],"name":"b","priority":"low"},"digest":"digest of b","not_before":1800000060.0,"tasks":[{"args":{"deep":false},"id":"b-0002/j/probe","kind":"probe","weight":1000000000.0}]}','d3502448f8580ffc932f706d257df8c647757dfb26bdbf086cba1289df10c61c');
INSERT INTO "event" VALUES(10,1,'2027-01-15T08:00:00.000+00:00',7.0,'accepted','b-0003','{"batch":{"id":"b-0003","jobs":[{"asks":{"scene":"a.ma"},"id":"b-0003/j","name":"j","processor":"frames"}],"name":"b","priority":"high"},"digest":"digest of b","not_before":0.0,"tasks":[{"args":{"deep":false},"id":"b-0003/j/probe","kind":"probe","weight":1000000000.0}]}','9fb7b51107765864e16f6a3ad059f62f3e2ab59bcae3d1739a49ca5b170ae7c7');
INSERT INTO "event" VALUES(11,1,'2027-01-15T08:00:00.000+00:00',7.0,'leased','b-0003/j/probe','{"attempt":"0a1b2c-000004","incarnation":"life-1","node":"n1"}','7812c35692d74333fb7d8e4dda347cfb00130ac155fe56c44dbebdd987b29c2c');
INSERT INTO "event" VALUES(12,1,'2027-01-15T08:00:00.000+00:00',7.0,'accepted','b-0003/j/probe','{"attempt":"0a1b2c-000004","result":{},"state":"Successful"}','2ff290580e1aaade448c12ec42a0597a2dab854aaa8c5fca01fa429e9ff040a2');
INSERT INTO "event" VALUES(13,1,'2027-01-15T08:00:00.000+00:00',7.0,'planned','b-0003/j','{"targets":[{"destination":"/out/t.mov","name":"t","notes":[],"segments":[[0,0,10],[1,10,20]],"tasks":[{"id":"b-0003/j/t/000000/encode","kind":"encode","segment":{"end":10,"index":0,"start":0},"target":"t"},{"id":"b-0003/j/t/000001/encode","kind":"encode","segment":{"end":20,"index":1,"start":10},"target":"t"},{"id":"b-0003/j/t/assemble","kind":"assemble","needs":["b-0003/j/t/000000/encode","b-0003/j/t/000001/encode"],"target":"t"},{"id":"b-0003/j/t/publish","kind":"publish","needs":["b-0003/j/t/assemble"],"target":"t"}]}]}','8db730527169dafc5587d3f1b27b7476c238c5b888adc561f92f54e0cdaac55c');
INSERT INTO "event" VALUES(14,1,'2027-01-15T08:00:00.000+00:00',7.0,'leased','b-0003/j/t/000000/encode','{"attempt":"0a1b2c-000005","incarnation":"life-1","node":"n1"}','80728749c2cc3521ace467f6035b81a3d0699c7c9c3c10284e34b13d2241eea9');
INSERT INTO "event" VALUES(15,1,'2027-01-15T08:00:00.000+00:00',7.0,'failed','b-0003/j/t/000000/encode','{"attempt":"0a1b2c-000005","cause":"failed","counts":[3,0,0,0],"reason":"exit code 1","state":"Failed"}','75aa4eb00b5ffb76d1a88fd12e7e7f1565f2b444d34bff515e1d356ba14120cd');
INSERT INTO "event" VALUES(16,1,'2027-01-15T08:00:00.000+00:00',7.0,'cancelled','b-0003/j/t','{"attempts":[],"reason":"b-0003/j/t/000000/encode was given up: exit code 1","tasks":["b-0003/j/t/000001/encode","b-0003/j/t/assemble","b-0003/j/t/publish"]}','5b1237950c698e3abd2cb046539f299597445e85be26150fa4e3d061dc715b85');
INSERT INTO "event" VALUES(17,1,'2027-01-15T08:00:00.000+00:00',7.0,'failed','b-0003/j/t','{"attempts":[],"level":"target","reason":"exit code 1","tasks":[]}','2f8c839ad7217a92b906e31be6db7e5f55beb291b85a8b14239fad5734113170');
INSERT INTO "event" VALUES(18,1,'2027-01-15T08:00:00.000+00:00',7.0,'failed','b-0003/j','{"attempts":[],"level":"job","reason":"exit code 1","tasks":[]}','d777522b28aeabc182224cc934745d7600a1582a04276b957dbfb2e3cc5dd8db');
INSERT INTO "event" VALUES(19,1,'2027-01-15T08:00:00.000+00:00',7.0,'accepted','b-0004','{"batch":{"id":"b-0004","jobs":[{"asks":{"scene":"a.ma"},"id":"b-0004/j","name":"j","processor":"frames"}],"name":"b"},"digest":"digest of b","not_before":0.0,"tasks":[{"args":{"deep":false},"id":"b-0004/j/probe","kind":"probe","weight":1000000000.0}]}','ef11b9bae70d36870a0911b4eaddb87a7f20fe49f43fc30bcec26ebdd7ca2314');
INSERT INTO "event" VALUES(20,1,'2027-01-15T08:00:00.000+00:00',7.0,'leased','b-0004/j/probe','{"attempt":"0a1b2c-000006","incarnation":"life-1","node":"n1"}','effe1add6eb3fabca17f7ed181e23dbd433d1ced2172ed9b8607b337fa7047ef');
INSERT INTO "event" VALUES(21,1,'2027-01-15T08:00:00.000+00:00',7.0,'held','b-0004/j/probe','{"attempt":"0a1b2c-000006","cause":"lost","counts":[0,10,0,0],"reason":"lost 10 times","state":"Hold"}','a44809ebcfea4416982094bfe000b87f868fa03d253f565d6c624423cf6b5e3c');
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
INSERT INTO "job" VALUES('b-0001/c',1,1,'c','{"after":["a"],"asks":{"scene":"a.ma"},"id":"b-0001/c","name":"c","processor":"frames"}','b-0001/c/probe',0,0,1,'','Waiting','',1,0,0);
INSERT INTO "job" VALUES('b-0002/j',2,0,'j','{"asks":{"scene":"a.ma"},"id":"b-0002/j","name":"j","processor":"frames"}','b-0002/j/probe',0,0,0,'','Waiting','',1,0,0);
INSERT INTO "job" VALUES('b-0003/j',3,0,'j','{"asks":{"scene":"a.ma"},"id":"b-0003/j","name":"j","processor":"frames"}','b-0003/j/probe',1,1,0,'2027-01-15T08:00:00.000+00:00','Failed','exit code 1',0,1,3);
INSERT INTO "job" VALUES('b-0004/j',4,0,'j','{"asks":{"scene":"a.ma"},"id":"b-0004/j","name":"j","processor":"frames"}','b-0004/j/probe',0,0,0,'','Waiting','',1,0,0);
CREATE TABLE job_after (
  job        TEXT    NOT NULL REFERENCES job (id),
  on_job     TEXT    NOT NULL REFERENCES job (id),
  PRIMARY KEY (on_job, job)
) STRICT, WITHOUT ROWID;
INSERT INTO "job_after" VALUES('b-0001/c','b-0001/a');
CREATE TABLE ledger (
  one        INTEGER PRIMARY KEY CHECK (one = 1),
  id         TEXT    NOT NULL,                 -- six hexadecimal digits, made once
  epoch      INTEGER NOT NULL                  -- one more at each opening for writing
) STRICT;
INSERT INTO "ledger" VALUES(1,'0a1b2c',1);
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
INSERT INTO "tally" VALUES('b-0001/c','b-0001/c','probe','Waiting',1);
INSERT INTO "tally" VALUES('b-0002/j','b-0002/j','probe','Waiting',1);
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
INSERT INTO "target" VALUES('b-0003/j/t','b-0003/j',0,'t','/out/t.mov','[]',20,0,'2027-01-15T08:00:00.000+00:00','Failed','exit code 1',0,1,3);
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
  accepted   INTEGER REFERENCES attempt (number) -- the pointer, set once (R1)
) STRICT;
INSERT INTO "task" VALUES(1,'b-0001/a/probe','b-0001/a',NULL,'probe',NULL,NULL,NULL,'render',1,1,1000000000.0,0,0,0.0,'Successful',0,0,0,0,'',NULL,1);
INSERT INTO "task" VALUES(2,'b-0001/c/probe','b-0001/c',NULL,'probe',NULL,NULL,NULL,'render',1,1,1000000000.0,4294967296,1,0.0,'Waiting',0,0,0,0,'',NULL,NULL);
INSERT INTO "task" VALUES(3,'b-0001/a/t/000000/encode','b-0001/a','b-0001/a/t','encode',0,0,10,'render',1,1,0.0,1,0,0.0,'Successful',0,0,0,0,'',NULL,2);
INSERT INTO "task" VALUES(4,'b-0001/a/t/000001/encode','b-0001/a','b-0001/a/t','encode',1,10,20,'render',1,1,0.0,2,0,0.0,'Processing',0,0,0,0,'',NULL,NULL);
INSERT INTO "task" VALUES(5,'b-0001/a/t/assemble','b-0001/a','b-0001/a/t','assemble',NULL,NULL,NULL,'render',1,1,0.0,3,1,0.0,'Waiting',0,0,0,0,'',NULL,NULL);
INSERT INTO "task" VALUES(6,'b-0001/a/t/publish','b-0001/a','b-0001/a/t','publish',NULL,NULL,NULL,'render',1,1,0.0,4,1,0.0,'Waiting',0,0,0,0,'',NULL,NULL);
INSERT INTO "task" VALUES(7,'b-0002/j/probe','b-0002/j',NULL,'probe',NULL,NULL,NULL,'render',2,2,1000000000.0,0,0,1800000060.0,'Waiting',0,0,0,0,'',NULL,NULL);
INSERT INTO "task" VALUES(8,'b-0003/j/probe','b-0003/j',NULL,'probe',NULL,NULL,NULL,'render',0,3,1000000000.0,0,0,0.0,'Successful',0,0,0,0,'',NULL,4);
INSERT INTO "task" VALUES(9,'b-0003/j/t/000000/encode','b-0003/j','b-0003/j/t','encode',0,0,10,'render',0,3,0.0,1,0,0.0,'Failed',3,0,0,0,'exit code 1','failed',NULL);
INSERT INTO "task" VALUES(10,'b-0003/j/t/000001/encode','b-0003/j','b-0003/j/t','encode',1,10,20,'render',0,3,0.0,2,0,0.0,'Cancelled',0,0,0,0,'b-0003/j/t/000000/encode was given up: exit code 1',NULL,NULL);
INSERT INTO "task" VALUES(11,'b-0003/j/t/assemble','b-0003/j','b-0003/j/t','assemble',NULL,NULL,NULL,'render',0,3,0.0,3,2,0.0,'Cancelled',0,0,0,0,'b-0003/j/t/000000/encode was given up: exit code 1',NULL,NULL);
INSERT INTO "task" VALUES(12,'b-0003/j/t/publish','b-0003/j','b-0003/j/t','publish',NULL,NULL,NULL,'render',0,3,0.0,4,1,0.0,'Cancelled',0,0,0,0,'b-0003/j/t/000000/encode was given up: exit code 1',NULL,NULL);
INSERT INTO "task" VALUES(13,'b-0004/j/probe','b-0004/j',NULL,'probe',NULL,NULL,NULL,'render',1,4,1000000000.0,0,0,0.0,'Hold',0,10,0,0,'lost 10 times','lost',NULL);
CREATE INDEX batch_name ON batch (name, serial);
CREATE INDEX batch_digest ON batch (digest, number);
CREATE INDEX batch_over ON batch (number) WHERE state = 'Waiting' AND left = 0;
CREATE INDEX job_batch ON job (batch, place);
CREATE INDEX job_unplanned ON job (batch, place)
  WHERE state = 'Waiting' AND planned = 0 AND probed = 1 AND missing = 0;
CREATE INDEX job_over ON job (batch, place)
  WHERE state = 'Waiting' AND left = 0 AND planned + failed + cancelled > 0;
CREATE INDEX job_after_job ON job_after (job);
CREATE INDEX target_job ON target (job, place);
CREATE INDEX target_over ON target (job, place) WHERE state = 'Waiting' AND left = 0;
CREATE INDEX task_line ON task (service, priority, batch, weight DESC, position)
  WHERE state = 'Waiting' AND missing = 0 AND not_before = 0;
CREATE INDEX task_line_of_kind ON task (service, kind, priority, batch, weight DESC, position)
  WHERE state = 'Waiting' AND missing = 0 AND not_before = 0;
CREATE INDEX task_asleep ON task (service, not_before)
  WHERE state = 'Waiting' AND missing = 0 AND not_before > 0;
CREATE INDEX task_job ON task (job, target);
CREATE INDEX need_on ON need (on_task);
CREATE INDEX attempt_task ON attempt (task);
CREATE UNIQUE INDEX one_open_attempt ON attempt (task) WHERE closed IS NULL;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('attempt',6);
COMMIT;
PRAGMA user_version = 1;
