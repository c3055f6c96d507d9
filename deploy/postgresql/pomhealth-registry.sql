-- The registry in which pomhealth's agents keep one view of their cluster, as `pomhealth generate registry` makes it.
-- An agent whose role may CREATE in the database makes the tables by itself: run this where it should not. It is for
-- an empty database or one of Pomerium's, whose own tables it does not touch, and runs once.

BEGIN;
CREATE SCHEMA IF NOT EXISTS pomhealth;
CREATE TABLE IF NOT EXISTS pomhealth.steps (
  step integer PRIMARY KEY,
  least integer NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS pomhealth.replicas (
  id uuid PRIMARY KEY,
  run uuid NOT NULL,
  mark text NOT NULL,
  revision bigint NOT NULL DEFAULT 1,
  stopped boolean NOT NULL DEFAULT false,
  first_seen timestamptz NOT NULL DEFAULT now(),
  last_seen timestamptz NOT NULL DEFAULT now(),
  config text NOT NULL DEFAULT '',
  version text NOT NULL DEFAULT '',
  digest text NOT NULL DEFAULT '',
  config_since timestamptz NOT NULL DEFAULT now(),
  version_since timestamptz NOT NULL DEFAULT now(),
  certificates_since timestamptz NOT NULL DEFAULT now(),
  peer inet DEFAULT inet_client_addr()
) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS pomhealth.accounts (
  id uuid PRIMARY KEY REFERENCES pomhealth.replicas ON DELETE CASCADE,
  account jsonb NOT NULL,
  certificates jsonb NOT NULL
) WITH (fillfactor = 50);
CREATE OR REPLACE VIEW pomhealth.cluster AS
  SELECT r.*, a.account, a.certificates FROM pomhealth.replicas AS r JOIN pomhealth.accounts AS a USING (id);
CREATE TABLE IF NOT EXISTS pomhealth.leases (
  name text PRIMARY KEY,
  holder uuid NOT NULL,
  until timestamptz NOT NULL,
  process text NOT NULL DEFAULT ''
) WITH (fillfactor = 50);
INSERT INTO pomhealth.steps (step, least) VALUES (1, 1) ON CONFLICT DO NOTHING;
GRANT USAGE ON SCHEMA pomhealth TO "pomhealth";
GRANT SELECT ON pomhealth.steps, pomhealth.cluster TO "pomhealth";
GRANT SELECT, INSERT, UPDATE, DELETE ON pomhealth.replicas, pomhealth.accounts, pomhealth.leases TO "pomhealth";
COMMIT;
