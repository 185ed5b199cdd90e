BEGIN TRANSACTION;
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));
INSERT INTO "alembic_version" VALUES('0070');
CREATE TABLE answered (
	id INTEGER NOT NULL, 
	run_id TEXT NOT NULL, 
	model TEXT NOT NULL, 
	space TEXT NOT NULL, 
	vector BLOB NOT NULL, 
	created DOUBLE NOT NULL, 
	CONSTRAINT pk_answered PRIMARY KEY (id)
);
CREATE TABLE cache_entries (
	"key" TEXT NOT NULL, 
	value BLOB NOT NULL, 
	size INTEGER NOT NULL, 
	expires DOUBLE, 
	used DOUBLE NOT NULL, 
	CONSTRAINT pk_cache_entries PRIMARY KEY ("key")
);
CREATE TABLE cache_sources (
	source TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	CONSTRAINT pk_cache_sources PRIMARY KEY (source, "key"), 
	CONSTRAINT fk_cache_sources_key FOREIGN KEY("key") REFERENCES cache_entries ("key") ON DELETE CASCADE
);
CREATE TABLE citations (
	run_id TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	n INTEGER NOT NULL, 
	passage TEXT NOT NULL, 
	title TEXT NOT NULL, 
	source TEXT NOT NULL, 
	text TEXT NOT NULL, 
	hash TEXT NOT NULL, 
	labels TEXT NOT NULL, 
	page INTEGER, 
	section TEXT, 
	CONSTRAINT pk_citations PRIMARY KEY (run_id, position), 
	CONSTRAINT fk_citations_run_id FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
CREATE TABLE document_names (
	index_id INTEGER NOT NULL, 
	document_id TEXT NOT NULL, 
	words TEXT NOT NULL, 
	spelling INTEGER NOT NULL, 
	folded INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	passage TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	CONSTRAINT pk_document_names PRIMARY KEY (index_id, document_id, words), 
	CONSTRAINT fk_document_names_index_id_document_id FOREIGN KEY(index_id, document_id) REFERENCES documents (index_id, id) ON DELETE CASCADE
);
INSERT INTO "document_names" VALUES(1,'bc505fe58e4f5c3166610eb12f27a6ef','About stored',3423939379883417461,3893810925762472407,'title','a2a46ba7c5a547113ce6f5b8544e7660',1);
CREATE TABLE documents (
	index_id INTEGER NOT NULL, 
	id TEXT NOT NULL, 
	tenant TEXT NOT NULL, 
	root TEXT NOT NULL, 
	file TEXT NOT NULL, 
	document TEXT NOT NULL, 
	title TEXT NOT NULL, 
	source TEXT NOT NULL, 
	hash TEXT NOT NULL, 
	labels TEXT NOT NULL, 
	metadata TEXT NOT NULL, 
	batch INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	retired DOUBLE, 
	seal TEXT, 
	CONSTRAINT pk_documents PRIMARY KEY (index_id, id), 
	CONSTRAINT fk_documents_index_id FOREIGN KEY(index_id) REFERENCES indexes (id)
);
INSERT INTO "documents" VALUES(1,'bc505fe58e4f5c3166610eb12f27a6ef','default','/library','stored.txt','stored','About stored','/library/stored.txt','58acd27f4ed237b85bdc962298a3172f9570e6afe56750834edac23148bd6f01','1aa4e4078a74ec918eef4d54d4c9ca21','{}',1,1,NULL,'801183f17806e456');
CREATE TABLE entity_changes (
	index_id INTEGER NOT NULL, 
	tenant TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	entity INTEGER NOT NULL, 
	other INTEGER NOT NULL, 
	document TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	name TEXT NOT NULL, 
	CONSTRAINT pk_entity_changes PRIMARY KEY (index_id, tenant, number, entity, other, document), 
	CONSTRAINT fk_entity_changes_index_id FOREIGN KEY(index_id) REFERENCES indexes (id)
);
CREATE TABLE entity_edits (
	index_id INTEGER NOT NULL, 
	tenant TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	content TEXT NOT NULL, 
	"by" TEXT NOT NULL, 
	at DOUBLE NOT NULL, 
	undone DOUBLE, 
	CONSTRAINT pk_entity_edits PRIMARY KEY (index_id, tenant, number), 
	CONSTRAINT fk_entity_edits_index_id FOREIGN KEY(index_id) REFERENCES indexes (id)
);
CREATE TABLE entity_names (
	index_id INTEGER NOT NULL, 
	id INTEGER NOT NULL, 
	entity INTEGER NOT NULL, 
	folded TEXT NOT NULL, 
	name TEXT NOT NULL, 
	alias BOOLEAN NOT NULL, 
	type TEXT NOT NULL, 
	definition TEXT NOT NULL, 
	weight DOUBLE NOT NULL, 
	document TEXT NOT NULL, 
	passage TEXT NOT NULL, 
	import_id INTEGER NOT NULL, 
	CONSTRAINT pk_entity_names PRIMARY KEY (index_id, id), 
	CONSTRAINT fk_entity_names_index_id FOREIGN KEY(index_id) REFERENCES indexes (id)
);
CREATE TABLE extractions (
	index_id INTEGER NOT NULL, 
	passage TEXT NOT NULL, 
	contract TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	content TEXT NOT NULL, 
	error TEXT NOT NULL, 
	CONSTRAINT pk_extractions PRIMARY KEY (index_id, passage), 
	CONSTRAINT fk_extractions_index_id FOREIGN KEY(index_id) REFERENCES indexes (id)
);
CREATE TABLE facts (
	index_id INTEGER NOT NULL, 
	id INTEGER NOT NULL, 
	head INTEGER NOT NULL, 
	head_name TEXT NOT NULL, 
	relation TEXT NOT NULL, 
	tail INTEGER NOT NULL, 
	tail_name TEXT NOT NULL, 
	valid_from TEXT NOT NULL, 
	valid_until TEXT NOT NULL, 
	weight DOUBLE NOT NULL, 
	document TEXT NOT NULL, 
	passage TEXT NOT NULL, 
	import_id INTEGER NOT NULL, 
	CONSTRAINT pk_facts PRIMARY KEY (index_id, id), 
	CONSTRAINT fk_facts_index_id FOREIGN KEY(index_id) REFERENCES indexes (id)
);
CREATE TABLE feedback (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	model TEXT NOT NULL, 
	space TEXT NOT NULL, 
	vector BLOB NOT NULL, 
	score DOUBLE NOT NULL, 
	created DOUBLE NOT NULL
);
CREATE TABLE files (
	index_id INTEGER NOT NULL, 
	root TEXT NOT NULL, 
	file TEXT NOT NULL, 
	tenant TEXT NOT NULL, 
	hash TEXT NOT NULL, 
	size INTEGER NOT NULL, 
	labels TEXT NOT NULL, 
	documents INTEGER NOT NULL, 
	passages INTEGER NOT NULL, 
	error TEXT, 
	seal TEXT, 
	CONSTRAINT pk_files PRIMARY KEY (index_id, root, file), 
	CONSTRAINT fk_files_index_id FOREIGN KEY(index_id) REFERENCES indexes (id)
);
INSERT INTO "files" VALUES(1,'/library','stored.txt','default','58acd27f4ed237b85bdc962298a3172f9570e6afe56750834edac23148bd6f01',10,'["public"]',1,2,NULL,'8dec00806f4c3ce9');
CREATE TABLE indexes (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	dropped BOOLEAN NOT NULL, 
	number INTEGER NOT NULL, 
	edition TEXT NOT NULL, 
	embedder TEXT NOT NULL, 
	dimensions INTEGER NOT NULL, 
	sparse TEXT NOT NULL, 
	format INTEGER NOT NULL, 
	documents INTEGER NOT NULL, 
	passages INTEGER NOT NULL, 
	tokens TEXT DEFAULT '' NOT NULL, 
	token_dimensions INTEGER DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_indexes PRIMARY KEY (id), 
	CONSTRAINT uq_indexes_name UNIQUE (name)
);
INSERT INTO "indexes" VALUES(1,'default',0,1,'8a7389c9f147417ba67dee66a669c566','embedder-a',8,'sparse-a',1,1,2,'',0);
CREATE TABLE jobs (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	"key" TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	scope TEXT DEFAULT 'index' NOT NULL, 
	scope_name TEXT NOT NULL, 
	payload TEXT NOT NULL, 
	state TEXT NOT NULL, 
	attempt INTEGER NOT NULL, 
	fence INTEGER NOT NULL, 
	worker TEXT, 
	lease_until DOUBLE NOT NULL, 
	error TEXT, 
	effects TEXT, 
	created DOUBLE NOT NULL, 
	changed DOUBLE NOT NULL, started DOUBLE, beat DOUBLE, progress TEXT, 
	CONSTRAINT uq_jobs_key UNIQUE ("key")
);
INSERT INTO "jobs" VALUES(1,'default-2','add','index','default','{}','done',1,1,'worker',1000060.0,NULL,'{"documents":1,"files":1,"merged":[],"passages":2,"removed_documents":0,"removed_files":0,"shards":["shard-1"],"version":1}',1000000.0,1000000.0,NULL,NULL,NULL);
CREATE TABLE knowledge_imports (
	index_id INTEGER NOT NULL, 
	id INTEGER NOT NULL, 
	tenant TEXT NOT NULL, 
	name TEXT NOT NULL, 
	labels TEXT NOT NULL, 
	CONSTRAINT pk_knowledge_imports PRIMARY KEY (index_id, id), 
	CONSTRAINT fk_knowledge_imports_index_id FOREIGN KEY(index_id) REFERENCES indexes (id)
);
CREATE TABLE label_sets (
	id TEXT NOT NULL, 
	label TEXT NOT NULL, 
	CONSTRAINT pk_label_sets PRIMARY KEY (id, label)
);
INSERT INTO "label_sets" VALUES('1aa4e4078a74ec918eef4d54d4c9ca21','public');
CREATE TABLE leases (
	name TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	until DOUBLE NOT NULL, 
	CONSTRAINT pk_leases PRIMARY KEY (name)
);
CREATE TABLE mention_scans (
	index_id INTEGER NOT NULL, 
	passage TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	CONSTRAINT pk_mention_scans PRIMARY KEY (index_id, passage), 
	CONSTRAINT fk_mention_scans_index_id_passage FOREIGN KEY(index_id, passage) REFERENCES passages (index_id, id) ON DELETE CASCADE
);
CREATE TABLE mentions (
	index_id INTEGER NOT NULL, 
	passage TEXT NOT NULL, 
	first INTEGER NOT NULL, 
	behind INTEGER NOT NULL, 
	spelling INTEGER NOT NULL, 
	CONSTRAINT pk_mentions PRIMARY KEY (index_id, passage, first, behind), 
	CONSTRAINT fk_mentions_index_id_passage FOREIGN KEY(index_id, passage) REFERENCES passages (index_id, id) ON DELETE CASCADE
);
CREATE TABLE passage_features (
	index_id INTEGER NOT NULL, 
	passage TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	text TEXT NOT NULL, 
	seal TEXT, 
	CONSTRAINT pk_passage_features PRIMARY KEY (index_id, passage, kind), 
	CONSTRAINT fk_passage_features_index_id_passage FOREIGN KEY(index_id, passage) REFERENCES passages (index_id, id) ON DELETE CASCADE
);
CREATE TABLE passages (
	index_id INTEGER NOT NULL, 
	id TEXT NOT NULL, 
	document_id TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	text TEXT NOT NULL, 
	hash TEXT NOT NULL, 
	terms BLOB NOT NULL, 
	retired DOUBLE, 
	seal TEXT, 
	places TEXT, 
	CONSTRAINT pk_passages PRIMARY KEY (index_id, id), 
	CONSTRAINT fk_passages_index_id_document_id FOREIGN KEY(index_id, document_id) REFERENCES documents (index_id, id)
);
INSERT INTO "passages" VALUES(1,'a2a46ba7c5a547113ce6f5b8544e7660','bc505fe58e4f5c3166610eb12f27a6ef',0,'w1 w2','a8ce9da76b4a3c91eb4147d957f1ce3e8d40315c344060b6837f3c9a73481cc8',X'0100000002000000',NULL,'3a6d40e7878ed1ad',NULL);
INSERT INTO "passages" VALUES(1,'09194eda5531540340ad932b174aa090','bc505fe58e4f5c3166610eb12f27a6ef',1,'w2','06f8faea3b5f697691b6d063a07ba4ffaf1ece9a1d473c588565231cdc8e59cc',X'02000000',NULL,'88bb6b998c56add9',NULL);
CREATE TABLE recommender_state (
	id INTEGER NOT NULL, 
	edition TEXT, 
	revision INTEGER NOT NULL, 
	CONSTRAINT pk_recommender_state PRIMARY KEY (id)
);
CREATE TABLE removals (
	index_id INTEGER NOT NULL, 
	passage TEXT NOT NULL, 
	shard TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	CONSTRAINT pk_removals PRIMARY KEY (index_id, passage, shard), 
	CONSTRAINT fk_removals_index_id FOREIGN KEY(index_id) REFERENCES indexes (id)
);
CREATE TABLE run_leases (
	run_id TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	fence INTEGER NOT NULL, 
	until DOUBLE NOT NULL, 
	CONSTRAINT pk_run_leases PRIMARY KEY (run_id)
);
CREATE TABLE runs (
	id TEXT NOT NULL, 
	workflow TEXT NOT NULL, 
	"plan" TEXT NOT NULL, 
	durability TEXT NOT NULL, 
	tenant TEXT NOT NULL, 
	principal TEXT NOT NULL, 
	grants TEXT NOT NULL, 
	status TEXT NOT NULL, 
	created DOUBLE NOT NULL, 
	seconds DOUBLE NOT NULL, 
	input TEXT, 
	output TEXT, 
	degraded TEXT NOT NULL, 
	usage TEXT NOT NULL, 
	error TEXT, 
	CONSTRAINT pk_runs PRIMARY KEY (id)
);
CREATE TABLE shard_files (
	index_id INTEGER NOT NULL, 
	shard TEXT NOT NULL, 
	file TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	CONSTRAINT pk_shard_files PRIMARY KEY (index_id, shard, file), 
	CONSTRAINT fk_shard_files_index_id FOREIGN KEY(index_id) REFERENCES indexes (id)
);
CREATE TABLE shards (
	index_id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	batch INTEGER NOT NULL, 
	points INTEGER NOT NULL, 
	retired DOUBLE, 
	CONSTRAINT pk_shards PRIMARY KEY (index_id, name), 
	CONSTRAINT fk_shards_index_id FOREIGN KEY(index_id) REFERENCES indexes (id)
);
INSERT INTO "shards" VALUES(1,'shard-1',1,0,1,2,NULL);
CREATE TABLE steps (
	run_id TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	path TEXT NOT NULL, 
	started DOUBLE NOT NULL, 
	seconds DOUBLE NOT NULL, 
	reads TEXT NOT NULL, 
	writes TEXT NOT NULL, 
	usage TEXT NOT NULL, 
	cached BOOLEAN NOT NULL, 
	attempts INTEGER NOT NULL, 
	error TEXT, 
	CONSTRAINT pk_steps PRIMARY KEY (run_id, position), 
	CONSTRAINT fk_steps_run_id FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
CREATE TABLE term_statistics (
	index_id INTEGER NOT NULL, 
	tenant TEXT NOT NULL, 
	labels TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	passages INTEGER NOT NULL, 
	dimensions BLOB NOT NULL, 
	counts BLOB NOT NULL, 
	CONSTRAINT pk_term_statistics PRIMARY KEY (index_id, tenant, labels, number), 
	CONSTRAINT fk_term_statistics_index_id FOREIGN KEY(index_id) REFERENCES indexes (id)
);
INSERT INTO "term_statistics" VALUES(1,'default','1aa4e4078a74ec918eef4d54d4c9ca21',1,2,X'0100000002000000',X'0100000002000000');
CREATE TABLE turns (
	id TEXT NOT NULL, 
	parent TEXT, 
	tenant TEXT NOT NULL, 
	principal TEXT NOT NULL, 
	role TEXT NOT NULL, 
	text TEXT NOT NULL, 
	created DOUBLE NOT NULL, 
	CONSTRAINT pk_turns PRIMARY KEY (id)
);
CREATE TABLE withdrawn_items (
	item TEXT NOT NULL, 
	cause TEXT NOT NULL, 
	CONSTRAINT pk_withdrawn_items PRIMARY KEY (item, cause)
);
CREATE TABLE workers (
	name TEXT NOT NULL, 
	version TEXT NOT NULL, 
	started DOUBLE NOT NULL, 
	beat DOUBLE NOT NULL, 
	skew DOUBLE NOT NULL, 
	job INTEGER, 
	CONSTRAINT pk_workers PRIMARY KEY (name)
);
CREATE INDEX ix_cache_entries_used ON cache_entries (used, size);
CREATE INDEX ix_cache_entries_expires ON cache_entries (expires);
CREATE INDEX ix_turns_parent ON turns (parent);
CREATE INDEX ix_turns_created ON turns (created);
CREATE INDEX ix_label_sets_label ON label_sets (label, id);
CREATE INDEX ix_answered_run_id ON answered (run_id);
CREATE INDEX ix_answered_created ON answered (created);
CREATE INDEX ix_feedback_created ON feedback (created);
CREATE INDEX ix_feedback_space ON feedback (space, id);
CREATE INDEX ix_jobs_state ON jobs (state, id);
CREATE INDEX ix_runs_reader ON runs (tenant, principal, created);
CREATE INDEX ix_runs_created ON runs (created);
CREATE INDEX ix_cache_sources_key ON cache_sources ("key");
CREATE INDEX ix_documents_retired ON documents (retired) WHERE retired IS NOT NULL;
CREATE INDEX ix_documents_root ON documents (index_id, root, file);
CREATE INDEX ix_documents_number ON documents (index_id, number);
CREATE INDEX ix_entity_names_passage ON entity_names (index_id, passage);
CREATE INDEX ix_entity_names_folded ON entity_names (index_id, folded);
CREATE INDEX ix_entity_names_entity ON entity_names (index_id, entity);
CREATE INDEX ix_facts_head ON facts (index_id, head);
CREATE INDEX ix_facts_tail ON facts (index_id, tail);
CREATE INDEX ix_facts_passage ON facts (index_id, passage);
CREATE INDEX ix_entity_changes_entity ON entity_changes (index_id, entity);
CREATE INDEX ix_entity_changes_other ON entity_changes (index_id, other);
CREATE INDEX ix_extractions_key ON extractions (index_id, "key");
CREATE INDEX ix_citations_passage ON citations (passage);
CREATE INDEX ix_passages_document ON passages (index_id, document_id);
CREATE INDEX ix_passages_retired ON passages (retired) WHERE retired IS NOT NULL;
CREATE INDEX ix_document_names_spelling ON document_names (index_id, spelling);
CREATE INDEX ix_document_names_folded ON document_names (index_id, folded);
CREATE INDEX ix_document_names_number ON document_names (index_id, number);
CREATE INDEX ix_mentions_spelling ON mentions (index_id, spelling);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('jobs',1);
COMMIT;
