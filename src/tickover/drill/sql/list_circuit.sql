SELECT action FROM tickover.audit WHERE action LIKE 'circuit.%' ORDER BY id
