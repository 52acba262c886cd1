import { openPostgresCluster, type PostgresCluster } from '../../torture/postgres-cluster.ts';
import type { Row, Run } from '../row.ts';
import { openScene, type Scene } from '../scene.ts';
import { databaseFault } from './database-fault.ts';

/** Each scene on a PostgreSQL of its own, whose processes can be killed and stopped. */
const clusters = new WeakMap<Scene, PostgresCluster>();

const ownPostgres = async ({ runtime, opened, environment }: Run): Promise<Scene> => {
  const cluster = opened.use(await openPostgresCluster());
  const databaseUrl = `postgres://postgres@127.0.0.1:${cluster.port}/postgres`;
  const scene = opened.use(await openScene({ runtime, databaseUrl, environment }));
  clusters.set(scene, cluster);
  return scene;
};

const clusterOf = (scene: Scene): PostgresCluster => {
  const cluster = clusters.get(scene);
  if (cluster === undefined) throw new Error('a scene without a PostgreSQL of its own');
  return cluster;
};

/** The same as in database-outages.ts, done to the processes of PostgreSQL instead of the network before them. */
export const databaseProcesses: readonly Row[] = [
  databaseFault({
    name: 'a PostgreSQL that is killed (SIGKILL, all of its processes) and recovers loses nothing acknowledged',
    scene: ownPostgres,
    inject: (scene) => clusterOf(scene).kill(),
    heal: (scene) => clusterOf(scene).start(),
    opens: true,
  }),
  databaseFault({
    name: 'a PostgreSQL that is stopped (SIGSTOP, all of its processes) costs one deadline; then 503 at once',
    scene: ownPostgres,
    inject: (scene) => clusterOf(scene).hang(),
    heal: (scene) => clusterOf(scene).resume(),
    opens: true,
  }),
];
