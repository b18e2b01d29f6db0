DROP TABLE tokens;
DROP TABLE delivery_attempts;
DROP TABLE deliveries;
DROP TABLE observed;
DROP TABLE links;
DROP TABLE members;
DROP TABLE resource_values;
DROP TABLE resources;
