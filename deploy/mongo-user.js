// Makes the user of the workers when the database is started for the first time: no more than it needs, in one database.
db.getSiblingDB("omega").createUser({
  user: "omega",
  pwd: process.env.MONGO_PASSWORD,
  roles: [{ role: "readWrite", db: "omega" }],
});
