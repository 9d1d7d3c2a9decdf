// Fresh identifiers and the time of day, in the spellings of the protocol; and a clock to measure with.
#ifndef SIM_IDENTITY_H
#define SIM_IDENTITY_H

#define SIM_UUID_SIZE 37
#define SIM_HEX_ID_SIZE 25
#define SIM_TIME_SIZE 32

// Writes a random UUID, version 4 (RFC 9562, section 5.4), in lower case.
void sim_uuid(char out[SIM_UUID_SIZE]);

// Writes 24 random lower-case hexadecimal digits, as task and interaction ids are spelt.
void sim_hex_id(char out[SIM_HEX_ID_SIZE]);

// Writes the present time in UTC with microseconds: 2025-10-09T12:26:07.576000Z (ISO 8601).
void sim_time_now(char out[SIM_TIME_SIZE]);

// Seconds since some moment before the start; never goes back.
double sim_clock(void);

#endif
