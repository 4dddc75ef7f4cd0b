/**
 * Addresses at which services of clouds give credentials to whoever asks from the machine: link-local ones, and those that providers chose
 * elsewhere (AWS over IPv6, Alibaba, Azure, Oracle, Google over IPv6, OpenStack). Addresses and ranges.
 */
export const METADATA_4 = ["169.254.0.0/16", "100.100.100.200", "168.63.129.16", "192.0.0.192"] as const;
export const METADATA_6 = ["fd00:ec2::254", "fd20:ce::254", "fe80::a9fe:a9fe"] as const;
